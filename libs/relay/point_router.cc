#include "relay/point_router.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "metric/metric_name.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kDropLogInterval = absl::Seconds(10);
// How often names are forgotten at most because a cache asks for it.
constexpr absl::Duration kForgetInterval = absl::Minutes(1);

uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

bool IsSameWay(const topology::ShardInfo& a, const topology::ShardInfo& b) {
  return a.id == b.id && a.cache_address == b.cache_address;
}

}  // namespace

PointRouter::PointRouter(const RouterOptions& options, base::Clock& clock, RelayMetrics& metrics,
                         StreamFactory make_stream, SpoolFinder find_spool)
    : options_(options),
      clock_(clock),
      metrics_(metrics),
      make_stream_(std::move(make_stream)),
      find_spool_(std::move(find_spool)),
      hash_seed_(RandomSeed()),
      tenants_(options.tenant, hash_seed_, options.limiters),
      tenant_(&tenants_.at(0)),
      last_drop_log_(clock.Monotonic() - kDropLogInterval) {
  Tick();
}

PointRouter::~PointRouter() = default;

void PointRouter::SetSlotMap(std::shared_ptr<const topology::SlotMap> map) {
  if (map_ != nullptr && map != nullptr && map_->epoch() == map->epoch()) return;
  Flush();
  ForgetNames();
  map_ = std::move(map);
  lane_of_shard_.clear();
  for (const auto& lane : lanes_) lane->is_in_map = false;
  // Without shards nothing is known about where points belong: what is held stays.
  if (map_ == nullptr || map_->shards().empty()) return;
  const std::vector<std::unique_ptr<Batch>> homeless = RemoveLanesOutside(*map_);
  for (const topology::ShardInfo& shard : map_->shards()) {
    lane_of_shard_.push_back(LaneOf(shard));
    lanes_[lane_of_shard_.back()]->is_in_map = shard.state == topology::ShardState::kActive;
  }
  ShareMemory();
  for (const auto& batch : homeless) Reroute(*batch);
}

// Returns what the shards that left the map have not accepted. No route leads to a lane here: the
// names are forgotten.
std::vector<std::unique_ptr<Batch>> PointRouter::RemoveLanesOutside(const topology::SlotMap& map) {
  std::vector<std::unique_ptr<Batch>> homeless;
  std::erase_if(lanes_, [&](const std::unique_ptr<Lane>& lane) {
    const auto is_same = [&](const topology::ShardInfo& shard) {
      return IsSameWay(shard, lane->shard);
    };
    if (std::any_of(map.shards().begin(), map.shards().end(), is_same)) return false;
    for (auto& batch : lane->sender->TakeBack()) homeless.push_back(std::move(batch));
    return true;
  });
  return homeless;
}

// Each shard's equal part of what may be in flight.
void PointRouter::ShareMemory() {
  const auto count = static_cast<size_t>(std::count_if(
      lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->is_in_map; }));
  const size_t part = options_.in_flight_bytes_max / std::max<size_t>(count, 1);
  for (const auto& lane : lanes_) lane->sender->SetBytesMax(std::max(part, kLaneBytesMin));
}

// Points of a batch whose shard left the map, to where they belong now.
void PointRouter::Reroute(const Batch& batch) {
  for (size_t i = 0; i < batch.point_count(); ++i) {
    Pending pending;
    const SeriesName name = batch.names->Get(batch.series_id[i]);
    pending.tenant = &tenants_.at(tenants_.IndexOf(name.tenant));
    pending.line.metric = name.metric;
    pending.line.time_seconds = batch.time_seconds[i];
    pending.line.value = batch.value[i];
    pending.hash = HashName(pending.line.metric, pending.tenant->hash_seed);
    const Route* route = table_.Find(pending.hash);
    if (route == nullptr) route = Learn(pending);
    if (route != nullptr) Append(*route, pending.line);
  }
}

void PointRouter::SetFullShards(FullShards mode) {
  full_shards_ = mode;
  if (mode == FullShards::kHold) return;
  for (const auto& lane : lanes_) {
    lane->is_refused = lane->sender->room() == LaneSender::Room::kNone;
  }
}

void PointRouter::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  SetSlotMap(snapshot->slot_map());
  tenants_.SetSnapshot(snapshot);
}

void PointRouter::SetSource(const Source& source) {
  tenant_ = &tenants_.at(source.tenant);
  protocol_ = source.protocol;
  is_tenant_certain_ = source.is_tenant_certain;
}

void PointRouter::OnLines(absl::Span<const absl::string_view> lines) {
  std::array<Pending, LineCutter::kBlockLines> pending;
  const size_t count = Parse(lines, pending.data());
  // One look at the allowance for all, unless some may be of other tenants or too many.
  const bool is_granted = !tenants_.has_keys() && tenant_->allowance >= static_cast<int64_t>(count);
  if (is_granted) {
    CountReceived(*tenant_, count);
    tenant_->allowance -= static_cast<int64_t>(count);
  }
  for (size_t i = 0; i < count; ++i) {
    if (!is_granted && !Take(pending[i])) continue;
    const Route* route = table_.Find(pending[i].hash);
    if (route == nullptr) route = Learn(pending[i]);
    if (route != nullptr) Deliver(*route, pending[i]);
  }
}

size_t PointRouter::Parse(absl::Span<const absl::string_view> lines, Pending* pending) {
  const bool has_keys = tenants_.has_keys();
  size_t count = 0;
  for (const absl::string_view line : lines) {
    Pending& next = pending[count];
    const metric::LineFault fault = metric::ParseLine(line, now_seconds_, &next.line);
    if (fault != metric::LineFault::kNone) {
      OnRefused(ReasonOf(fault), line);
      continue;
    }
    next.tenant = tenant_;
    if (has_keys && BeginsWithKey(next.line.metric) && !ResolveKey(next)) continue;
    next.hash = HashName(next.line.metric, next.tenant->hash_seed);
    table_.Prefetch(next.hash);
    ++count;
  }
  return count;
}

bool PointRouter::Take(const Pending& pending) {
  CountReceived(*pending.tenant, 1);
  return pending.tenant->allowance-- > 0 || Refill(pending);
}

void PointRouter::OnLongLine(absl::string_view head) { OnRefused(DropReason::kLineTooLong, head); }

std::optional<DropReason> PointRouter::OnPoint(absl::string_view metric, uint32_t time_seconds,
                                               double value) {
  Pending point;
  point.line.metric = metric;
  point.line.time_seconds = time_seconds;
  point.line.value = value;
  point.tenant = tenant_;
  if (tenants_.has_keys() && BeginsWithKey(metric) && !ResolveKey(point)) return last_drop_;
  if (!Take(point)) return last_drop_;
  point.hash = HashName(point.line.metric, point.tenant->hash_seed);
  const Route* route = table_.Find(point.hash);
  if (route == nullptr) route = Learn(point);
  if (route == nullptr) return last_drop_;
  Deliver(*route, point);
  return std::nullopt;
}

void PointRouter::OnRefused(DropReason reason, absl::string_view excerpt) {
  CountReceived(*tenant_, 1);
  Drop(*tenant_, reason, excerpt);
}

void PointRouter::Deliver(const Route& route, const Pending& pending) {
  if (full_shards_ == FullShards::kHold) return Append(route, pending.line);
  // A replica that is refused is counted as a point.
  for (size_t i = 0; i < route.replica_count; ++i) {
    const Target target =
        i == 0 ? Target{route.lane, route.series_id} : more_targets_[route.more_targets + i - 1];
    if (lanes_[target.lane]->is_refused) {
      Drop(*pending.tenant, DropReason::kSpoolFull, pending.line.metric);
    } else {
      AppendToLane(*lanes_[target.lane], target.series_id, pending.line);
    }
  }
}

void PointRouter::Append(const Route& route, const metric::ParsedLine& line) {
  AppendToLane(*lanes_[route.lane], route.series_id, line);
  for (size_t i = 1; i < route.replica_count; ++i) {
    const Target& target = more_targets_[route.more_targets + i - 1];
    AppendToLane(*lanes_[target.lane], target.series_id, line);
  }
}

void PointRouter::AppendToLane(Lane& lane, uint32_t series_id, const metric::ParsedLine& line) {
  if (lane.open == nullptr) OpenBatch(lane);
  lane.open->series_id.push_back(series_id);
  lane.open->time_seconds.push_back(line.time_seconds);
  lane.open->value.push_back(line.value);
  if (lane.open->point_count() >= options_.batch_points_max) Send(lane);
}

bool PointRouter::ResolveKey(Pending& pending) {
  absl::string_view& name = pending.line.metric;
  const size_t dot = name.find('.');
  TenantState* const tenant = tenants_.OfKey(name.substr(0, dot));
  if (tenant == nullptr) {
    ++unknown_key_count_;
    CountReceived(*tenant_, 1);
    Drop(*tenant_, DropReason::kUnknownKey, name);
    return false;
  }
  name.remove_prefix(dot == absl::string_view::npos ? name.size() : dot + 1);
  if (!is_tenant_certain_) pending.tenant = tenant;
  return true;
}

bool PointRouter::Refill(const Pending& pending) {
  TenantState& tenant = *pending.tenant;
  tenant.allowance = 0;
  if (!tenant.is_admitted) {
    Drop(tenant, DropReason::kTenantRefused, pending.line.metric);
    return false;
  }
  if (tenant.limiter != nullptr) {
    tenant.allowance = tenant.limiter->TakePoints(clock_.Monotonic());
  }
  if (tenant.allowance == 0) {
    Drop(tenant, DropReason::kPointsRateLimit, pending.line.metric);
    return false;
  }
  --tenant.allowance;
  return true;
}

bool PointRouter::CheckName(const Pending& pending) {
  const absl::string_view name = pending.line.metric;
  metric::NameFault fault = metric::Canonicalise(name, &canonical_);
  if (fault == metric::NameFault::kNone && canonical_.size() > options_.name_bytes_max) {
    fault = metric::NameFault::kTooLong;
  }
  if (fault != metric::NameFault::kNone) {
    Drop(*pending.tenant, ReasonOf(fault), name);
    return false;
  }
  if (pending.tenant->limiter == nullptr) return true;
  switch (pending.tenant->limiter->TakeSeries(canonical_, clock_.Monotonic())) {
    case TenantLimiter::Verdict::kTake:
      return true;
    case TenantLimiter::Verdict::kOverPoints:
      Drop(*pending.tenant, DropReason::kPointsRateLimit, name);
      return false;
    case TenantLimiter::Verdict::kOverNewSeries:
      break;
  }
  Drop(*pending.tenant, DropReason::kNewSeriesRateLimit, name);
  return false;
}

const Route* PointRouter::Learn(const Pending& pending) {
  if (!CheckName(pending)) return nullptr;
  const std::string& tenant = pending.tenant->id;
  std::vector<uint16_t> lanes;
  if (!ChooseLanes(tenant, canonical_, &lanes)) {
    Drop(*pending.tenant, DropReason::kNoActiveShard, pending.line.metric);
    return nullptr;
  }
  Route route{.lane = lanes[0],
              .replica_count = static_cast<uint16_t>(lanes.size()),
              .more_targets = static_cast<uint32_t>(more_targets_.size())};
  route.series_id = lanes_[lanes[0]]->names->Append(tenant, canonical_);
  for (size_t i = 1; i < lanes.size(); ++i) {
    more_targets_.push_back({lanes[i], lanes_[lanes[i]]->names->Append(tenant, canonical_)});
  }
  table_.Insert(pending.hash, route);
  return table_.Find(pending.hash);
}

// The lanes to the active replicas of a metric. May forget all names when they outgrow the bound.
bool PointRouter::ChooseLanes(const std::string& tenant, absl::string_view metric,
                              std::vector<uint16_t>* lanes) {
  if (map_ == nullptr || map_->shards().empty()) return false;
  size_t dictionary_bytes = table_.memory_bytes();
  bool is_full = false;
  for (const auto& lane : lanes_) {
    dictionary_bytes += lane->names->memory_bytes();
    is_full = is_full || lane->names->series_count() >= NameTable::kSeriesMax;
  }
  if (is_full || dictionary_bytes > options_.dictionary_bytes_max) {
    Flush();
    ForgetNames();
  }
  for (const uint16_t shard : map_->ReplicasOf(topology::SlotOf(tenant, metric))) {
    if (map_->shards()[shard].state != topology::ShardState::kActive) continue;
    lanes->push_back(lane_of_shard_[shard]);
  }
  return !lanes->empty();
}

void PointRouter::Tick() {
  const absl::Time now = clock_.Now();
  now_seconds_ = static_cast<uint32_t>(absl::ToUnixSeconds(now));
  now_unix_ms_ = absl::ToUnixMillis(now);
  const absl::Duration monotonic = clock_.Monotonic();
  for (const auto& lane : lanes_) {
    if (lane->open != nullptr && monotonic - lane->opened_at >= options_.batch_delay) Send(*lane);
    lane->sender->Check();
  }
  ForgetNamesIfAsked(monotonic);
  PublishCounters();
}

// What is still in use is named again: not more often than that is worth.
void PointRouter::ForgetNamesIfAsked(absl::Duration now) {
  for (const auto& lane : lanes_) {
    is_asked_to_forget_ = lane->sender->TakeFreshNamesRequest() || is_asked_to_forget_;
  }
  if (!is_asked_to_forget_ || now - names_forgotten_at_ < kForgetInterval) return;
  is_asked_to_forget_ = false;
  names_forgotten_at_ = now;
  Flush();
  ForgetNames();
}

void PointRouter::Flush() {
  for (const auto& lane : lanes_) {
    if (lane->open != nullptr) Send(*lane);
  }
  PublishCounters();
}

PointRouter::Backlog PointRouter::backlog() {
  if (map_ == nullptr || map_->shards().empty()) return Backlog::kAll;
  Backlog backlog = Backlog::kNone;
  for (const auto& lane : lanes_) {
    if (!lane->is_in_map) continue;
    const LaneSender::Room room = lane->sender->room();
    if (room == LaneSender::Room::kYes) continue;
    if (room == LaneSender::Room::kNone) {
      backlog = std::max(backlog, Backlog::kFullShard);
    } else if (!AnotherKeepsUp(*lane) || !lane->sender->BeginSlow()) {
      backlog = Backlog::kAll;  // nobody is held up who could go on, or there is no spool
    }
  }
  return backlog;
}

bool PointRouter::AnotherKeepsUp(const Lane& lane) const {
  return std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& other) {
    return other.get() != &lane && other->is_in_map && other->sender->keeps_up();
  });
}

void PointRouter::SpoolEverything() {
  Flush();
  for (const auto& lane : lanes_) lane->sender->SpoolEverything();
}

size_t PointRouter::unacknowledged_bytes() const {
  size_t bytes = 0;
  for (const auto& lane : lanes_) {
    bytes += lane->sender->held_bytes();
    if (lane->open != nullptr) bytes += lane->open->memory_bytes();
  }
  return bytes;
}

void PointRouter::OpenBatch(Lane& lane) {
  lane.open = std::make_unique<Batch>();
  lane.open->names = lane.names;
  lane.open->epoch = map_->epoch();
  lane.open->received_unix_ms = now_unix_ms_;
  lane.opened_at = clock_.Monotonic();
  if (delivery_ != nullptr) {
    delivery_->AddBatch();
    lane.open->delivery = delivery_;
  }
}

void PointRouter::Send(Lane& lane) {
  metrics_.batches_sent.Increment();
  lane.sender->Send(std::move(lane.open));
}

// New name tables, so that the streams start again with empty dictionaries.
void PointRouter::ForgetNames() {
  if (table_.size() > 0) metrics_.dictionary_resets.Increment();
  table_.Clear();
  more_targets_.clear();
  for (const auto& lane : lanes_) lane->names = std::make_shared<NameTable>();
}

uint16_t PointRouter::LaneOf(const topology::ShardInfo& shard) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (IsSameWay(lanes_[i]->shard, shard)) return static_cast<uint16_t>(i);
  }
  auto lane = std::make_unique<Lane>();
  lane->shard = shard;
  lane->sender = std::make_unique<LaneSender>(make_stream_(shard),
                                              find_spool_ == nullptr ? nullptr : find_spool_(shard),
                                              clock_, options_.stall_timeout);
  lane->names = std::make_shared<NameTable>();
  lanes_.push_back(std::move(lane));
  return static_cast<uint16_t>(lanes_.size() - 1);
}

void PointRouter::CountReceived(TenantState& tenant, uint64_t count) {
  tenant.received[static_cast<size_t>(protocol_)] += count;
  if (!tenant.is_dirty) MarkDirty(tenant);
}

void PointRouter::Drop(TenantState& tenant, DropReason reason, absl::string_view line) {
  last_drop_ = reason;
  ++tenant.dropped[(static_cast<uint32_t>(protocol_) << 16) | static_cast<uint32_t>(reason)];
  if (dropped_since_log_++ == 0) {
    drop_example_ =
        absl::StrCat(DropReasonWord(reason), ": '", base::Excerpt(WithoutKey(line)), "'");
  }
}

void PointRouter::MarkDirty(TenantState& tenant) {
  tenant.is_dirty = true;
  dirty_tenants_.push_back(&tenant);
}

void PointRouter::PublishCounters() {
  for (TenantState* const tenant : dirty_tenants_) Publish(*tenant);
  dirty_tenants_.clear();
  LogDrops();
}

void PointRouter::Publish(TenantState& tenant) {
  tenant.is_dirty = false;
  for (size_t i = 0; i < kProtocolCount; ++i) {
    if (tenant.received[i] == 0) continue;
    base::Counter*& counter = tenant.received_counters[i];
    if (counter == nullptr) {
      counter = &metrics_.points_received(tenant.id, static_cast<Protocol>(i));
    }
    counter->Increment(static_cast<double>(std::exchange(tenant.received[i], 0)));
  }
  for (const auto& [key, count] : tenant.dropped) {
    metrics_
        .dropped(tenant.id, static_cast<Protocol>(key >> 16), static_cast<DropReason>(key & 0xffff))
        .Increment(static_cast<double>(count));
  }
  tenant.dropped.clear();
}

void PointRouter::LogDrops() {
  const absl::Duration now = clock_.Monotonic();
  if (dropped_since_log_ == 0 || now - last_drop_log_ < kDropLogInterval) return;
  last_drop_log_ = now;
  base::LogWarning(absl::StrCat("refused ", std::exchange(dropped_since_log_, 0),
                                " points, the first one as ", drop_example_,
                                "; counted in plumbago_points_dropped_total"));
}

}  // namespace plumbago::relay

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
    pending.line.metric = batch.names->Get(batch.series_id[i]).metric;
    pending.line.time_seconds = batch.time_seconds[i];
    pending.line.value = batch.value[i];
    pending.hash = HashName(pending.line.metric, hash_seed_);
    const Route* route = table_.Find(pending.hash);
    if (route == nullptr) route = Learn(pending);
    if (route != nullptr) Append(*route, pending.line);
  }
}

void PointRouter::SetAdmission(Admission admission) {
  admission_ = admission;
  is_each_checked_ = admission_ == Admission::kRefuse || full_shards_ == FullShards::kRefuse;
}

void PointRouter::SetFullShards(FullShards mode) {
  full_shards_ = mode;
  is_each_checked_ = admission_ == Admission::kRefuse || full_shards_ == FullShards::kRefuse;
  if (mode == FullShards::kHold) return;
  for (const auto& lane : lanes_) {
    lane->is_refused = lane->sender->room() == LaneSender::Room::kNone;
  }
}

void PointRouter::OnLines(absl::Span<const absl::string_view> lines) {
  points_received_ += lines.size();
  std::array<Pending, LineCutter::kBlockLines> pending;
  size_t count = 0;
  for (const absl::string_view line : lines) {
    Pending& next = pending[count];
    const metric::LineFault fault = metric::ParseLine(line, now_seconds_, &next.line);
    if (fault != metric::LineFault::kNone) {
      Drop(ReasonOf(fault), line);
      continue;
    }
    next.hash = HashName(next.line.metric, hash_seed_);
    table_.Prefetch(next.hash);
    ++count;
  }
  for (size_t i = 0; i < count; ++i) {
    const Route* route = table_.Find(pending[i].hash);
    if (route == nullptr || is_each_checked_) route = Check(pending[i], route);
    if (route != nullptr) Append(*route, pending[i].line);
  }
}

void PointRouter::OnLongLine(absl::string_view head) {
  ++points_received_;
  Drop(DropReason::kLineTooLong, head);
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

const Route* PointRouter::Check(const Pending& pending, const Route* route) {
  if (admission_ == Admission::kRefuse) {
    Drop(DropReason::kTenantRefused, pending.line.metric);
    return nullptr;
  }
  if (route == nullptr) route = Learn(pending);
  if (route == nullptr || full_shards_ == FullShards::kHold) return route;
  AppendWhereNotFull(*route, pending);
  return nullptr;
}

// A replica that is refused is counted as a point.
void PointRouter::AppendWhereNotFull(const Route& route, const Pending& pending) {
  for (size_t i = 0; i < route.replica_count; ++i) {
    const Target target =
        i == 0 ? Target{route.lane, route.series_id} : more_targets_[route.more_targets + i - 1];
    if (lanes_[target.lane]->is_refused) {
      Drop(DropReason::kSpoolFull, pending.line.metric);
    } else {
      AppendToLane(*lanes_[target.lane], target.series_id, pending.line);
    }
  }
}

const Route* PointRouter::Learn(const Pending& pending) {
  const absl::string_view name = pending.line.metric;
  if (const metric::NameFault fault = metric::Canonicalise(name, &canonical_);
      fault != metric::NameFault::kNone) {
    Drop(ReasonOf(fault), name);
    return nullptr;
  }
  std::vector<uint16_t> lanes;
  if (!ChooseLanes(canonical_, &lanes)) {
    Drop(DropReason::kNoActiveShard, name);
    return nullptr;
  }
  Route route{.lane = lanes[0],
              .replica_count = static_cast<uint16_t>(lanes.size()),
              .more_targets = static_cast<uint32_t>(more_targets_.size())};
  route.series_id = lanes_[lanes[0]]->names->Append(options_.tenant, canonical_);
  for (size_t i = 1; i < lanes.size(); ++i) {
    more_targets_.push_back(
        {lanes[i], lanes_[lanes[i]]->names->Append(options_.tenant, canonical_)});
  }
  table_.Insert(pending.hash, route);
  return table_.Find(pending.hash);
}

// The lanes to the active replicas of a metric. May forget all names when they outgrow the bound.
bool PointRouter::ChooseLanes(absl::string_view metric, std::vector<uint16_t>* lanes) {
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
  for (const uint16_t shard : map_->ReplicasOf(topology::SlotOf(options_.tenant, metric))) {
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
  PublishCounters();
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

void PointRouter::Drop(DropReason reason, absl::string_view line) {
  ++dropped_[static_cast<size_t>(reason)];
  if (dropped_since_log_++ == 0) {
    drop_example_ = absl::StrCat(DropReasonWord(reason), ": '", base::Excerpt(line), "'");
  }
}

void PointRouter::PublishCounters() {
  metrics_.points_received.Increment(static_cast<double>(std::exchange(points_received_, 0)));
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (dropped_[i] == 0) continue;
    metrics_.dropped(static_cast<DropReason>(i))
        .Increment(static_cast<double>(std::exchange(dropped_[i], 0)));
  }
  LogDrops();
}

void PointRouter::LogDrops() {
  const absl::Duration now = clock_.Monotonic();
  if (dropped_since_log_ == 0 || now - last_drop_log_ < kDropLogInterval) return;
  last_drop_log_ = now;
  base::LogWarning(absl::StrCat("refused ", std::exchange(dropped_since_log_, 0),
                                " lines, the first one as ", drop_example_,
                                "; counted in plumbago_points_dropped_total"));
}

}  // namespace plumbago::relay

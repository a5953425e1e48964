#include "relay/lane_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace plumbago::relay {
namespace {

// A metric gets no more names than this in one lane between two looks at is_full().
constexpr uint32_t kNamesReserve = 65'536;

bool IsSameWay(const topology::ShardInfo& a, const topology::ShardInfo& b) {
  return a.id == b.id && a.cache_address == b.cache_address;
}

}  // namespace

LaneSet::LaneSet(const LaneOptions& options, base::Clock& clock, RelayMetrics& metrics,
                 RouterFactories factories)
    : options_(options), clock_(clock), metrics_(metrics), factories_(std::move(factories)) {}

LaneSet::~LaneSet() = default;

std::vector<std::unique_ptr<Batch>> LaneSet::SetShards(const topology::SlotMap& map) {
  epoch_ = map.epoch();
  shards_.assign(map.shards().begin(), map.shards().end());
  std::vector<std::unique_ptr<Batch>> homeless;
  std::erase_if(lanes_, [&](const std::unique_ptr<Lane>& lane) {
    const auto is_same = [&](const auto& shard) { return IsSameWay(shard, lane->shard); };
    if (lane->endpoint.has_value() || std::any_of(shards_.begin(), shards_.end(), is_same)) {
      return false;
    }
    for (auto& batch : lane->sender->TakeBack()) homeless.push_back(std::move(batch));
    return true;
  });
  FindLanesAgain();
  for (size_t i = 0; i < shards_.size(); ++i) {
    lanes_[lane_of_shard_[i]]->is_in_use = shards_[i].state == topology::ShardState::kActive;
  }
  ShareMemory();
  return homeless;
}

void LaneSet::SuspendShards() {
  lane_of_shard_.clear();
  shards_.clear();
  for (const auto& lane : lanes_) lane->is_in_use = lane->endpoint.has_value();
}

std::vector<std::unique_ptr<Batch>> LaneSet::SetEndpoints(
    absl::Span<const routing::Endpoint> endpoints) {
  endpoints_.assign(endpoints.begin(), endpoints.end());
  std::vector<std::unique_ptr<Batch>> homeless;
  std::erase_if(lanes_, [&](const std::unique_ptr<Lane>& lane) {
    if (!lane->endpoint.has_value() ||
        std::find(endpoints_.begin(), endpoints_.end(), *lane->endpoint) != endpoints_.end()) {
      return false;
    }
    lane->sender->SpoolEverything();
    for (auto& batch : lane->sender->TakeBack()) homeless.push_back(std::move(batch));
    return true;
  });
  FindLanesAgain();
  ShareMemory();
  return homeless;
}

// Lanes have moved, and some may be missing.
void LaneSet::FindLanesAgain() {
  lane_of_shard_.clear();
  lane_of_endpoint_.clear();
  for (const auto& shard : shards_) lane_of_shard_.push_back(LaneTo(shard));
  for (const auto& endpoint : endpoints_) lane_of_endpoint_.push_back(LaneTo(endpoint));
}

uint16_t LaneSet::LaneTo(const topology::ShardInfo& shard) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i]->endpoint.has_value() || !IsSameWay(lanes_[i]->shard, shard)) continue;
    return static_cast<uint16_t>(i);
  }
  auto lane = std::make_unique<Lane>();
  lane->shard = shard;
  return AddLane(std::move(lane), factories_.make_stream(shard),
                 factories_.find_spool == nullptr ? nullptr : factories_.find_spool(shard));
}

uint16_t LaneSet::LaneTo(const routing::Endpoint& endpoint) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i]->endpoint == endpoint) return static_cast<uint16_t>(i);
  }
  PLUMBAGO_CHECK(factories_.make_endpoint_stream != nullptr);
  auto lane = std::make_unique<Lane>();
  lane->endpoint = endpoint;
  return AddLane(std::move(lane), factories_.make_endpoint_stream(endpoint),
                 factories_.find_endpoint_spool == nullptr
                     ? nullptr
                     : factories_.find_endpoint_spool(endpoint));
}

uint16_t LaneSet::AddLane(std::unique_ptr<Lane> lane, std::unique_ptr<BatchStream> stream,
                          BatchSpool* spool) {
  PLUMBAGO_CHECK(lanes_.size() < UINT16_MAX);
  lane->sender =
      std::make_unique<LaneSender>(std::move(stream), spool, clock_, options_.stall_timeout);
  lane->names = std::make_shared<NameTable>();
  lanes_.push_back(std::move(lane));
  return static_cast<uint16_t>(lanes_.size() - 1);
}

// An equal part for each of what may be in flight.
void LaneSet::ShareMemory() {
  const auto count = static_cast<size_t>(std::count_if(
      lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->is_in_use; }));
  const size_t part = options_.in_flight_bytes_max / std::max<size_t>(count, 1);
  for (const auto& lane : lanes_) lane->sender->SetBytesMax(std::max(part, kLaneBytesMin));
}

uint32_t LaneSet::AddName(uint16_t lane, absl::string_view tenant, absl::string_view metric) {
  return lanes_[lane]->names->Append(tenant, metric);
}

uint32_t LaneSet::CopyName(uint16_t from, uint32_t series_id, uint16_t to) {
  const auto [copy, is_new] =
      lanes_[to]->copied.try_emplace(uint64_t{from} << 32 | series_id, uint32_t{0});
  if (!is_new) return copy->second;
  const SeriesName name = lanes_[from]->names->Get(series_id);
  return copy->second = AddName(to, name.tenant, name.metric);
}

void LaneSet::ForgetNames() {
  for (const auto& lane : lanes_) {
    lane->names = std::make_shared<NameTable>();
    lane->copied.clear();
  }
}

std::vector<std::shared_ptr<const NameTable>> LaneSet::shard_names() const {
  std::vector<std::shared_ptr<const NameTable>> names;
  for (const auto& lane : lanes_) {
    if (!lane->endpoint.has_value()) names.push_back(lane->names);
  }
  return names;
}

size_t LaneSet::name_bytes() const {
  size_t bytes = 0;
  for (const auto& lane : lanes_) {
    bytes += lane->names->memory_bytes() + lane->copied.capacity() * sizeof(uint64_t) * 2;
  }
  return bytes;
}

bool LaneSet::is_full() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
    return lane->names->series_count() >= NameTable::kSeriesMax - kNamesReserve;
  });
}

const char* LaneSet::StateWord(uint16_t lane) const {
  const LaneSender& sender = *lanes_[lane]->sender;
  if (!sender.is_up()) return "down";
  return sender.is_slow() || sender.room() != LaneSender::Room::kYes ? "slow" : "up";
}

void LaneSet::SetFullLanes(FullLanes mode) {
  const bool drops_foreign = options_.foreign_full == ForeignFull::kDrop;
  for (const auto& lane : lanes_) {
    if (lane->endpoint.has_value() && drops_foreign) continue;  // see BacklogOfEndpoint
    const LaneSender::Room room = lane->sender->room();
    const bool is_full =
        room == LaneSender::Room::kNone ||
        (lane->endpoint.has_value() && room == LaneSender::Room::kFull);  // it has no spool
    lane->is_refused = mode == FullLanes::kRefuse && is_full;
  }
}

void LaneSet::Tick(int64_t now_unix_ms) {
  now_unix_ms_ = now_unix_ms;
  const absl::Duration now = clock_.Monotonic();
  for (const auto& lane : lanes_) {
    if (lane->open != nullptr && now - lane->opened_at >= options_.batch_delay) Send(*lane);
    lane->sender->Check();
    if (lane->endpoint.has_value()) BacklogOfEndpoint(*lane);
  }
}

void LaneSet::Flush() {
  for (const auto& lane : lanes_) {
    if (lane->open != nullptr) Send(*lane);
  }
}

Backlog LaneSet::backlog() {
  Backlog backlog = Backlog::kNone;
  for (const auto& lane : lanes_) {
    if (!lane->is_in_use) continue;
    backlog = std::max(
        backlog, lane->endpoint.has_value() ? BacklogOfEndpoint(*lane) : BacklogOfShard(*lane));
  }
  return backlog;
}

Backlog LaneSet::BacklogOfShard(Lane& lane) {
  const LaneSender::Room room = lane.sender->room();
  if (room == LaneSender::Room::kYes) return Backlog::kNone;
  if (room == LaneSender::Room::kNone) return Backlog::kFullShard;
  // Nobody is held up who could go on, or there is no spool.
  return AnotherKeepsUp(lane) && lane.sender->BeginSlow() ? Backlog::kNone : Backlog::kAll;
}

// A foreign endpoint goes to its spool at once: our shards never wait for it.
Backlog LaneSet::BacklogOfEndpoint(Lane& lane) {
  LaneSender::Room room = lane.sender->room();
  if (room == LaneSender::Room::kFull && lane.sender->BeginSlow()) room = lane.sender->room();
  const bool is_full = room != LaneSender::Room::kYes;
  lane.is_up = !is_full && lane.sender->is_up();
  if (options_.foreign_full == ForeignFull::kDrop) {
    lane.is_refused = is_full;
    return Backlog::kNone;
  }
  return is_full ? Backlog::kFullShard : Backlog::kNone;
}

bool LaneSet::AnotherKeepsUp(const Lane& lane) const {
  return std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& other) {
    return other.get() != &lane && other->is_in_use && !other->endpoint.has_value() &&
           other->sender->keeps_up();
  });
}

bool LaneSet::TakeFreshNamesRequest() {
  bool is_wanted = false;
  for (const auto& lane : lanes_) is_wanted = lane->sender->TakeFreshNamesRequest() || is_wanted;
  return is_wanted;
}

void LaneSet::SpoolEverything() {
  Flush();
  for (const auto& lane : lanes_) lane->sender->SpoolEverything();
}

size_t LaneSet::unacknowledged_bytes() const {
  size_t bytes = 0;
  for (const auto& lane : lanes_) {
    bytes += lane->sender->held_bytes();
    if (lane->open != nullptr) bytes += lane->open->memory_bytes();
  }
  return bytes;
}

size_t LaneSet::own_point_count() const {
  size_t count = 0;
  for (const auto& lane : lanes_) {
    count += lane->sender->refused_point_count();
    if (lane->open != nullptr) count += lane->open->point_count();
  }
  return count;
}

void LaneSet::OpenBatch(Lane& lane) {
  lane.open = std::make_unique<Batch>();
  lane.open->names = lane.names;
  lane.open->epoch = epoch_;
  lane.open->received_unix_ms = now_unix_ms_;
  lane.open->points.Reserve(lane.last_point_count);  // likely as many again
  lane.opened_at = clock_.Monotonic();
  if (delivery_ != nullptr && !lane.endpoint.has_value()) {
    delivery_->AddBatch();
    lane.open->delivery = delivery_;
  }
}

void LaneSet::Send(Lane& lane) {
  metrics_.batches_sent.Increment();
  lane.last_point_count = lane.open->point_count();
  lane.sender->Send(std::move(lane.open));
  if (lane.endpoint.has_value()) BacklogOfEndpoint(lane);
}

}  // namespace plumbago::relay

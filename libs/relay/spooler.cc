#include "relay/spooler.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "relay/internal/destination_spool.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kDiskCheckInterval = absl::Seconds(1);
constexpr absl::Duration kSyncInterval = absl::Seconds(1);
constexpr absl::Duration kBusyWait = absl::Milliseconds(10);
constexpr absl::Duration kIdleWait = absl::Seconds(1);
constexpr uint64_t kSegmentBytesMin = uint64_t{64} << 10;

void Die(const absl::Status& status) {
  base::LogError(absl::StrCat(
      "the spool cannot be synced, so what is in it may be lost: ", std::string(status.message()),
      "; look at the disk, then start again"));
  PLUMBAGO_CHECK(status.ok());
}

}  // namespace

Spooler::Spooler(const SpoolerOptions& options, base::FileSystem& file_system, base::Clock& clock,
                 base::Metrics& registry, RelayMetrics& metrics, StreamFactories make_stream)
    : options_(options),
      file_system_(file_system),
      clock_(clock),
      registry_(registry),
      metrics_(metrics),
      make_stream_(std::move(make_stream)),
      shared_(std::make_unique<SpoolShared>(metrics.points_held)) {
  shared_->queue_bytes_max = options.queue_bytes_max;
}

Spooler::~Spooler() { Stop(); }

absl::Status Spooler::TakeUp() {
  PLUMBAGO_RETURN_IF_ERROR(file_system_.CreateDirectories(options_.directory));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto entries, file_system_.ListDirectory(options_.directory));
  for (const base::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    const auto destination = SpoolDestination::OfDirectory(entry.name);
    if (destination.has_value()) Get(*destination).files();  // one that fails is tried again
  }
  CheckDisk();
  return absl::OkStatus();
}

void Spooler::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "spool");
}

void Spooler::SetSlotMap(std::shared_ptr<const topology::SlotMap> map) {
  {
    base::MutexLock lock(mutex_);
    new_map_ = std::move(map);
  }
  shared_->Wake();
}

void Spooler::SetEndpoints(const std::vector<routing::Endpoint>& endpoints) {
  {
    base::MutexLock lock(mutex_);
    new_endpoints_ = endpoints;
  }
  shared_->Wake();
}

BatchSpool& Spooler::SpoolOf(const std::string& shard_id) {
  return Get(SpoolDestination::OfShard(shard_id));
}

BatchSpool& Spooler::SpoolOf(const routing::Endpoint& endpoint) {
  return Get(SpoolDestination::OfEndpoint(endpoint));
}

DestinationSpool& Spooler::Get(const SpoolDestination& destination) {
  base::MutexLock lock(mutex_);
  std::unique_ptr<DestinationSpool>& spool = spools_[destination];
  if (spool == nullptr) {
    const SpoolFilesOptions files{
        .directory = absl::StrCat(options_.directory, "/", destination.Directory()),
        .bytes_max = options_.bytes_max,
        // Room comes back a segment at a time: a small spool has several even so.
        .segment_bytes_max = std::min(options_.segment_bytes_max,
                                      std::max(options_.bytes_max / 8, kSegmentBytesMin))};
    spool = std::make_unique<DestinationSpool>(destination, files, options_.replay, *shared_,
                                               file_system_, clock_, registry_,
                                               metrics_.dropped(DropReason::kSpoolDamaged));
  }
  return *spool;
}

size_t Spooler::queued_bytes() const { return shared_->queued_bytes.load(); }

size_t Spooler::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  shared_->Wake();
  if (thread_.joinable()) thread_.join();
  if (std::exchange(is_stopped_, true)) return queued_bytes();
  for (DestinationSpool* const spool : Known()) {
    spool->Write(DestinationSpool::Retry::kNow);
    if (const absl::Status status = spool->Sync(); !status.ok()) Die(status);
  }
  return queued_bytes();
}

void Spooler::Run() {
  for (;;) {
    const bool is_busy = Step();
    {
      base::MutexLock lock(mutex_);
      if (is_stopping_) return;
    }
    if (is_busy) continue;
    const auto known = Known();
    const bool has_work = std::any_of(known.begin(), known.end(),
                                      [](DestinationSpool* spool) { return !spool->is_empty(); });
    const absl::Duration wait = has_work ? kBusyWait : kIdleWait;
    base::MutexLock lock(shared_->wake_mutex);
    if (!shared_->is_woken) {
      shared_->wake_changed.WaitFor(lock, absl::ToInt64Nanoseconds(wait));
    }
    shared_->is_woken = false;
  }
}

bool Spooler::Step() {
  ApplySlotMap();
  ApplyEndpoints();
  CheckDisk();
  bool is_busy = false;
  for (DestinationSpool* const spool : Known()) {
    spool->Write(DestinationSpool::Retry::kLater);
    is_busy = Replay(*spool) || is_busy;
    spool->Publish();
  }
  SyncWhereDue();
  return is_busy;
}

bool Spooler::Replay(DestinationSpool& spool) {
  // Without a map nothing is known about where points for shards belong.
  if (map_ == nullptr && spool.kind() == SpoolDestination::Kind::kShard) return false;
  present_ = &spool;
  const auto went_on = spool.Replay(*this);
  if (!went_on.ok()) Die(went_on.status());
  return *went_on;
}

std::vector<DestinationSpool*> Spooler::Known() {
  base::MutexLock lock(mutex_);
  std::vector<DestinationSpool*> known;
  for (const auto& [destination, spool] : spools_) known.push_back(spool.get());
  return known;
}

void Spooler::ApplySlotMap() {
  std::shared_ptr<const topology::SlotMap> map;
  {
    base::MutexLock lock(mutex_);
    map = std::exchange(new_map_, nullptr);
  }
  // Without shards nothing is known about where points belong: what is there waits.
  if (map == nullptr || map->shards().empty()) return;
  if (map_ != nullptr && map_->epoch() == map->epoch()) return;
  map_ = std::move(map);
  spool_of_shard_.clear();
  for (const topology::ShardInfo& shard : map_->shards()) {
    DestinationSpool& spool = Get(SpoolDestination::OfShard(shard.id));
    spool_of_shard_.push_back(&spool);
    spool.SetWay(SpoolWay{.address = shard.cache_address,
                          .is_open = shard.state == topology::ShardState::kActive,
                          .make_stream = [this, shard] { return make_stream_.shard(shard); }});
  }
  EndOthers(SpoolDestination::Kind::kShard, spool_of_shard_);
}

void Spooler::ApplyEndpoints() {
  std::optional<std::vector<routing::Endpoint>> endpoints;
  {
    base::MutexLock lock(mutex_);
    endpoints = std::exchange(new_endpoints_, std::nullopt);
  }
  if (!endpoints.has_value()) return;
  std::vector<DestinationSpool*> present;
  for (const routing::Endpoint& endpoint : *endpoints) {
    DestinationSpool& spool = Get(SpoolDestination::OfEndpoint(endpoint));
    present.push_back(&spool);
    spool.SetWay(SpoolWay{
        .address =
            absl::StrCat(routing::Describe(endpoint), " ", static_cast<int>(endpoint.compression),
                         " ", static_cast<int>(endpoint.encryption)),
        .is_open = true,
        .make_stream = [this, endpoint] { return make_stream_.endpoint(endpoint); }});
  }
  EndOthers(SpoolDestination::Kind::kEndpoint, present);
}

void Spooler::EndOthers(SpoolDestination::Kind kind,
                        const std::vector<DestinationSpool*>& present) {
  for (DestinationSpool* const spool : Known()) {
    const bool is_present = std::find(present.begin(), present.end(), spool) != present.end();
    if (spool->kind() == kind && !is_present) spool->SetWay(std::nullopt);
  }
}

void Spooler::CheckDisk() {
  const absl::Duration now = clock_.Monotonic();
  if (now < next_disk_check_) return;
  next_disk_check_ = now + kDiskCheckInterval;
  const auto space = file_system_.Space(options_.directory);
  const bool is_low = space.ok() && space->free_bytes < options_.disk_free_bytes_min;
  if (shared_->is_disk_low.exchange(is_low) == is_low) return;
  if (!is_low) return base::LogInfo("the disk of the spool has space again");
  base::LogError(absl::StrCat("the disk of the spool, ", options_.directory, ", has only ",
                              space->free_bytes, " free bytes, which is below ",
                              options_.disk_free_bytes_min,
                              " (--spool-disk-free-min): nothing more is spooled"));
}

// At intervals, but at once where a sender waits for it.
void Spooler::SyncWhereDue() {
  const absl::Duration now = clock_.Monotonic();
  const bool is_due = now >= next_sync_;
  if (is_due) next_sync_ = now + kSyncInterval;
  for (DestinationSpool* const spool : Known()) {
    if (!is_due && !spool->is_sync_awaited()) continue;
    if (const absl::Status status = spool->Sync(); !status.ok()) Die(status);
  }
}

bool Spooler::OwnersOf(absl::string_view tenant, absl::string_view metric, SpoolOwners* owners) {
  if (present_->kind() == SpoolDestination::Kind::kEndpoint) {  // it is not decided anew
    owners->is_own = true;
    return true;
  }
  for (const uint16_t index : map_->ReplicasOf(topology::SlotOf(tenant, metric))) {
    DestinationSpool* const spool = spool_of_shard_[index];
    if (spool == present_) {
      owners->is_own = true;
      owners->others.clear();
      return true;
    }
    if (map_->shards()[index].state != topology::ShardState::kActive) continue;
    SpoolFiles* const files = spool->files();
    if (files == nullptr) return false;
    owners->others.push_back(files);
  }
  return !owners->others.empty();
}

std::unique_ptr<BatchStream> Spooler::StreamPast(const SpoolFiles& files) {
  for (DestinationSpool* const spool : spool_of_shard_) {
    if (spool->files() == &files) return spool->MakeStream();
  }
  return nullptr;
}

absl::string_view Spooler::StableTenant(absl::string_view tenant) {
  const auto found = tenants_.find(tenant);
  return found != tenants_.end() ? *found : *tenants_.emplace(tenant).first;
}

}  // namespace plumbago::relay

#include "relay/spooler.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "relay/internal/shard_spool.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kDiskCheckInterval = absl::Seconds(1);
constexpr absl::Duration kSyncInterval = absl::Seconds(1);
constexpr absl::Duration kBusyWait = absl::Milliseconds(10);
constexpr absl::Duration kIdleWait = absl::Seconds(1);

// A shard's id as the name of a directory: other bytes than these as %XX, and a dot at the begin.
std::string DirectoryName(absl::string_view shard_id) {
  std::string name;
  for (const char c : shard_id) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                          c == '_' || (c == '.' && !name.empty());
    if (is_plain) {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return name;
}

// Empty where no shard's id gives this name.
std::string ShardOfDirectory(absl::string_view name) {
  std::string id;
  for (size_t i = 0; i < name.size(); ++i) {
    unsigned value = static_cast<unsigned char>(name[i]);
    if (name[i] == '%') {
      if (!absl::SimpleHexAtoi(name.substr(i + 1, 2), &value)) return "";
      i += 2;
    }
    id.push_back(static_cast<char>(value));
  }
  return DirectoryName(id) == name ? id : "";
}

void Die(const absl::Status& status) {
  base::LogError(absl::StrCat(
      "the spool cannot be synced, so what is in it may be lost: ", std::string(status.message()),
      "; look at the disk, then start again"));
  PLUMBAGO_CHECK(status.ok());
}

}  // namespace

Spooler::Spooler(const SpoolerOptions& options, base::FileSystem& file_system, base::Clock& clock,
                 base::Metrics& registry, RelayMetrics& metrics, StreamFactory make_stream)
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
    const std::string shard_id = entry.is_directory ? ShardOfDirectory(entry.name) : "";
    if (!shard_id.empty()) Get(shard_id).files();  // one that fails is tried again
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

BatchSpool& Spooler::SpoolOf(const std::string& shard_id) { return Get(shard_id); }

ShardSpool& Spooler::Get(const std::string& shard_id) {
  base::MutexLock lock(mutex_);
  std::unique_ptr<ShardSpool>& spool = spools_[shard_id];
  if (spool == nullptr) {
    const SpoolFilesOptions files{
        .directory = absl::StrCat(options_.directory, "/", DirectoryName(shard_id)),
        .bytes_max = options_.bytes_max,
        .segment_bytes_max = options_.segment_bytes_max};
    spool = std::make_unique<ShardSpool>(shard_id, files, options_.replay, *shared_, file_system_,
                                         clock_, registry_,
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
  for (ShardSpool* const spool : Known()) {
    spool->Write(ShardSpool::Retry::kNow);
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
                                      [](ShardSpool* spool) { return !spool->is_empty(); });
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
  CheckDisk();
  bool is_busy = false;
  for (ShardSpool* const spool : Known()) {
    spool->Write(ShardSpool::Retry::kLater);
    if (map_ != nullptr) {
      present_ = spool;
      const auto went_on = spool->Replay(*this);
      if (!went_on.ok()) Die(went_on.status());
      is_busy = is_busy || *went_on;
    }
    spool->Publish();
  }
  SyncWhereDue();
  return is_busy;
}

std::vector<ShardSpool*> Spooler::Known() {
  base::MutexLock lock(mutex_);
  std::vector<ShardSpool*> known;
  for (const auto& [id, spool] : spools_) known.push_back(spool.get());
  return known;
}

void Spooler::ApplySlotMap() {
  std::shared_ptr<const topology::SlotMap> map;
  std::vector<std::string> ids;
  {
    base::MutexLock lock(mutex_);
    map = std::exchange(new_map_, nullptr);
    for (const auto& [id, spool] : spools_) ids.push_back(id);
  }
  // Without shards nothing is known about where points belong: what is there waits.
  if (map == nullptr || map->shards().empty()) return;
  if (map_ != nullptr && map_->epoch() == map->epoch()) return;
  map_ = std::move(map);
  spool_of_shard_.clear();
  for (const topology::ShardInfo& shard : map_->shards()) {
    ShardSpool& spool = Get(shard.id);
    spool_of_shard_.push_back(&spool);
    spool.SetShard(shard, [this, shard] { return make_stream_(shard); });
  }
  for (const std::string& id : ids) {
    ShardSpool& spool = Get(id);
    const bool is_in_map =
        std::find(spool_of_shard_.begin(), spool_of_shard_.end(), &spool) != spool_of_shard_.end();
    if (!is_in_map) spool.SetShard(std::nullopt, nullptr);
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

void Spooler::SyncWhereDue() {
  const absl::Duration now = clock_.Monotonic();
  if (now < next_sync_) return;
  next_sync_ = now + kSyncInterval;
  for (ShardSpool* const spool : Known()) {
    if (const absl::Status status = spool->Sync(); !status.ok()) Die(status);
  }
}

bool Spooler::OwnersOf(absl::string_view tenant, absl::string_view metric, SpoolOwners* owners) {
  for (const uint16_t index : map_->ReplicasOf(topology::SlotOf(tenant, metric))) {
    ShardSpool* const spool = spool_of_shard_[index];
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

absl::string_view Spooler::StableTenant(absl::string_view tenant) {
  const auto found = tenants_.find(tenant);
  return found != tenants_.end() ? *found : *tenants_.emplace(tenant).first;
}

}  // namespace plumbago::relay

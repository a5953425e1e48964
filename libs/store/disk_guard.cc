#include "store/disk_guard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

constexpr uint64_t kDiskPartMax = 20;
// A block of every file system in use.
constexpr uint64_t kProbeBytes = 64 << 10;

}  // namespace

DiskGuard::DiskGuard(base::FileSystem& file_system, base::Metrics& metrics, Options options)
    : file_system_(file_system),
      options_(std::move(options)),
      free_bytes_gauge_(metrics.AddGauge("plumbago_store_disk_free_bytes",
                                         "Free space of the disk with the whisper files")),
      read_only_gauge_(metrics.AddGauge(
          "plumbago_store_read_only",
          "1 while writes are refused because the disk is nearly full (--disk-free-min)")) {}

absl::Status DiskGuard::CheckWritable() const {
  if (!is_read_only()) return absl::OkStatus();
  base::MutexLock lock(mutex_);
  return absl::ResourceExhaustedError(
      absl::StrCat("the store takes no points: ", why_, "; make room, then they are taken again"));
}

void DiskGuard::Check() {
  const auto space = file_system_.Space(options_.directory);
  if (!space.ok()) {
    base::LogWarning(absl::StrCat("the free space of the disk is not known: ",
                                  std::string(space.status().message())));
    return;
  }
  free_bytes_gauge_.Set(static_cast<double>(space->free_bytes));
  const uint64_t mark = std::min(options_.free_bytes_min, space->total_bytes / kDiskPartMax);
  if (space->free_bytes < mark) {
    return Set(true, absl::StrCat("the disk has ", space->free_bytes, " free bytes, the mark is ",
                                  mark, " (--disk-free-min)"));
  }
  if (!is_read_only()) return;
  // What has just been freed is not used up in a moment: the state must not come and go.
  if (space->free_bytes < mark + mark / 16) return;
  if (was_full_.load(std::memory_order_relaxed) && !Probe().ok()) return;
  was_full_.store(false, std::memory_order_relaxed);
  Set(false, "");
}

void DiskGuard::Note(const absl::Status& status) {
  if (!base::IsDiskFull(status)) return;
  was_full_.store(true, std::memory_order_relaxed);
  Set(true, status.message());
}

absl::Status DiskGuard::Probe() {
  const std::string path = absl::StrCat(options_.directory, "/.probe.tmp");
  file_system_.Remove(path).IgnoreError();  // of a process that was killed
  PLUMBAGO_ASSIGN_OR_RETURN(const auto file, file_system_.CreateExclusive(path));
  const absl::Status status = file->Preallocate(kProbeBytes);
  PLUMBAGO_RETURN_IF_ERROR(file_system_.Remove(path));
  return status;
}

void DiskGuard::Set(bool is_read_only, absl::string_view why) {
  {
    base::MutexLock lock(mutex_);
    if (is_read_only_.load(std::memory_order_relaxed) == is_read_only) return;
    why_ = std::string(why);
    is_read_only_.store(is_read_only, std::memory_order_relaxed);
  }
  read_only_gauge_.Set(is_read_only ? 1 : 0);
  if (is_read_only) {
    base::LogError(absl::StrCat("writes are refused from now on: ", why));
  } else {
    base::LogInfo("the disk has room again: writes are taken");
  }
}

}  // namespace plumbago::store

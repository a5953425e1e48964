// What the journal holds goes back into the memory of a cache that starts: everything that the
// store may not have synced. Points that it does have are written once more, which changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "cache/cache_metrics.h"
#include "cache/point_cache.h"
#include "journal/reader.h"

namespace plumbago::cache {

struct ReplayOptions {
  static constexpr size_t kWorkersMax = 8;

  std::string directory;
  journal::OnDamage on_damage = journal::OnDamage::kStop;
  // Points of such a tenant are left out, and counted as dropped.
  std::function<bool(absl::string_view tenant)> is_deleted = [](absl::string_view) {
    return false;
  };
  // Threads that bring points into the memory, beside the caller's, which reads; 0: one a core.
  size_t worker_count = 0;
  // Asked for each record and several times a second: whether the process has to stop.
  std::function<bool()> is_stopping = [] { return false; };
  // Told now and then how many points have been replayed.
  std::function<void(uint64_t point_count)> on_progress = [](uint64_t) {};
};

// All points are in memory when it returns without an error. The order within a series is that of
// the journal, and the bound on memory covers what is on its way between the threads: a sixteenth
// at most. The functions of the options are called on this thread only.
//
// Blocks, also while the memory is full: a flusher has to run. DataLoss: damage, named with file
// and offset. Cancelled: the cache was stopped, or `is_stopping`.
absl::StatusOr<journal::ReadResult> ReplayJournal(base::FileSystem& file_system,
                                                  const ReplayOptions& options, PointCache& cache,
                                                  CacheMetrics& metrics);

}  // namespace plumbago::cache

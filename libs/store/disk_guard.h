// Refuses writes while the disk is nearly full, and lets them in again when there is room.
//
// Below its low mark, or after a write that found the disk full, a store only reads: senders keep
// their points and come again. The state is left when the free space is above the mark and, after a
// full disk, a small file could be written; both are looked at by Check, once a second.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace plumbago::store {

class DiskGuard {
 public:
  struct Options {
    std::string directory;  // on the disk
    // At most a twentieth of the disk, whatever is given, so that a small disk is of use. 0: only a
    // full disk stops the writes.
    uint64_t free_bytes_min = 1 << 30;
  };

  // `file_system` and `metrics` must outlive this.
  DiskGuard(base::FileSystem& file_system, base::Metrics& metrics, Options options);

  // OK, or ResourceExhausted with what is missing.
  absl::Status CheckWritable() const;
  bool is_read_only() const { return is_read_only_.load(std::memory_order_relaxed); }

  // Looks at the disk. Blocks on it. One caller at a time.
  void Check();

  // `status` of a write: a full disk begins the state at once.
  void Note(const absl::Status& status);

 private:
  // Whether a file can be made and have blocks.
  absl::Status Probe();
  void Set(bool is_read_only, absl::string_view why);

  base::FileSystem& file_system_;
  const Options options_;
  base::Gauge& free_bytes_gauge_;
  base::Gauge& read_only_gauge_;
  // Relaxed: a batch more or less is let in.
  std::atomic<bool> is_read_only_{false};
  std::atomic<bool> was_full_{false};

  mutable base::Mutex mutex_;
  std::string why_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::store

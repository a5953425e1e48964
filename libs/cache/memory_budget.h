// The bound on a cache's memory, --memory-max, and how much of it is in use: what the cache counts
// itself (series, points, tables, batches on their way), and beside it what the allocator says the
// rest of the process has, such as messages in flight.
//
// Thread-safe. Where nobody tells the allocator's count, only the own one is bounded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace plumbago::cache {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Memory that is taken (+) or given back (-).
  void Add(int64_t bytes);

  // What the whole process has from its allocator. At most half of the bound is put down to what
  // the cache does not count: its own half can always be flushed, so that nobody waits for ever.
  void SetProcessBytes(size_t bytes);

  size_t counted_bytes() const { return counted_bytes_.load(std::memory_order_relaxed); }
  size_t used_bytes() const {
    return counted_bytes() + other_bytes_.load(std::memory_order_relaxed);
  }
  size_t bytes_max() const { return bytes_max_; }

  // Everything pending is flushed from here on.
  bool is_nearly_full() const { return used_bytes() >= bytes_max_ / 4 * 3; }
  // Tenants over their share are refused from here on.
  size_t shared_bytes() const { return bytes_max_ / 8 * 7; }
  bool is_short() const { return used_bytes() >= shared_bytes(); }
  // Nobody gets more from here on, except tenants that hold less than their part of the reserve.
  bool is_full() const { return used_bytes() >= bytes_max_ - reserve_bytes(); }
  // For tenants that hold little: whatever the others hold, this is left for them.
  size_t reserve_bytes() const { return bytes_max_ / 16; }

  // Blocks while it is full, for `timeout` at most.
  enum class Room { kYes, kNotYet, kStopped };
  Room WaitForRoom(absl::Duration timeout);
  // Releases all that wait, for good.
  void Stop();

 private:
  void WakeWaiters();

  const size_t bytes_max_;
  // Relaxed: exact once writers are quiet.
  std::atomic<size_t> counted_bytes_{0};
  std::atomic<size_t> other_bytes_{0};

  base::Mutex mutex_;
  base::CondVar room_;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::cache

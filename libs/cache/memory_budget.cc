#include "cache/memory_budget.h"

#include <algorithm>

namespace plumbago::cache {

void MemoryBudget::Add(int64_t bytes) {
  const bool was_full = is_full();
  counted_bytes_.fetch_add(static_cast<size_t>(bytes), std::memory_order_relaxed);
  if (bytes < 0 && was_full && !is_full()) WakeWaiters();
}

void MemoryBudget::SetProcessBytes(size_t bytes) {
  const size_t counted = counted_bytes();
  const size_t other = bytes > counted ? bytes - counted : 0;
  other_bytes_.store(std::min(other, bytes_max_ / 2), std::memory_order_relaxed);
  if (!is_full()) WakeWaiters();
}

MemoryBudget::Room MemoryBudget::WaitForRoom(absl::Duration timeout) {
  if (!is_full()) return Room::kYes;
  base::MutexLock lock(mutex_);
  // One wait is enough: a wake-up for nothing makes the caller come again.
  if (!is_stopped_ && is_full()) room_.WaitFor(lock, absl::ToInt64Nanoseconds(timeout));
  if (is_stopped_) return Room::kStopped;
  return is_full() ? Room::kNotYet : Room::kYes;
}

void MemoryBudget::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopped_ = true;
  }
  room_.NotifyAll();
}

void MemoryBudget::WakeWaiters() {
  { base::MutexLock lock(mutex_); }  // whoever has seen it full waits by now
  room_.NotifyAll();
}

}  // namespace plumbago::cache

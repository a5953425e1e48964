#include "cache/durability_tracker.h"

#include <algorithm>

namespace plumbago::cache {

void DurabilityTracker::OnConnected() {
  base::MutexLock lock(mutex_);
  for (const Applied& applied : applied_) {
    earlier_segment_ = std::min(earlier_segment_, applied.oldest_segment);
  }
  applied_.clear();
}

void DurabilityTracker::OnApplied(uint64_t sequence, uint32_t oldest_segment) {
  if (oldest_segment == 0) return;
  base::MutexLock lock(mutex_);
  applied_.push_back({.sequence = sequence, .oldest_segment = oldest_segment});
}

void DurabilityTracker::OnDurable(uint64_t sequence) {
  if (sequence == 0) return;
  {
    base::MutexLock lock(mutex_);
    if (has_lost_) return;
    earlier_segment_ = UINT32_MAX;
    while (!applied_.empty() && applied_.front().sequence <= sequence) applied_.pop_front();
  }
  synced_.NotifyAll();
}

bool DurabilityTracker::OnBootId(absl::string_view boot_id) {
  base::MutexLock lock(mutex_);
  const bool is_other = !boot_id_.empty() && boot_id_ != boot_id;
  boot_id_ = std::string(boot_id);
  const bool loses = is_other && !is_durable();
  has_lost_ = has_lost_ || loses;
  return !loses;
}

uint32_t DurabilityTracker::OldestSegment() const {
  base::MutexLock lock(mutex_);
  uint32_t oldest = earlier_segment_;
  for (const Applied& applied : applied_) oldest = std::min(oldest, applied.oldest_segment);
  return oldest;
}

bool DurabilityTracker::WaitUntilDurable(absl::Duration timeout) const {
  base::MutexLock lock(mutex_);
  // One wait is enough: a wake-up for nothing makes the caller come again.
  if (!is_durable() && !has_lost_) synced_.WaitFor(lock, absl::ToInt64Nanoseconds(timeout));
  return is_durable();
}

}  // namespace plumbago::cache

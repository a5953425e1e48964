// From "the store has applied it" to "the store has synced it": which segments of the journal the
// points between the two still need.
//
// Thread-safe; sequences are those of the batches on the present connection to the store.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace plumbago::cache {

class DurabilityTracker {
 public:
  // Sequences count from 1 again. What was applied on earlier connections is synced with the first
  // batch of this one.
  void OnConnected();

  // Batch `sequence`, the next one, has been applied; it holds points of `oldest_segment` and later
  // ones (0: of none). To be called before the points count as stored, so that a segment is needed
  // by somebody at all times.
  void OnApplied(uint64_t sequence, uint32_t oldest_segment);

  // Everything up to `sequence` is synced. Nothing counts as synced any more after a loss.
  void OnDurable(uint64_t sequence);

  // The machine of the store has been started with `boot_id`. False where it is another one than
  // before and points had been applied that were not synced: only the journal has them now.
  bool OnBootId(absl::string_view boot_id);

  // UINT32_MAX: none is needed.
  uint32_t OldestSegment() const;

  // Whether all that has been applied is synced, within `timeout`.
  bool WaitUntilDurable(absl::Duration timeout) const;

 private:
  bool is_durable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return applied_.empty() && earlier_segment_ == UINT32_MAX;
  }

  struct Applied {
    uint64_t sequence = 0;
    uint32_t oldest_segment = 0;
  };

  mutable base::Mutex mutex_;
  mutable base::CondVar synced_;
  std::deque<Applied> applied_ ABSL_GUARDED_BY(mutex_);
  uint32_t earlier_segment_ ABSL_GUARDED_BY(mutex_) = UINT32_MAX;  // of earlier connections
  bool has_lost_ ABSL_GUARDED_BY(mutex_) = false;
  std::string boot_id_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::cache

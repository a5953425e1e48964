// Tells a sender who waits for it when all batches with his points are safe: accepted by the
// caches, or written to a spool and synced.
//
// The router adds each batch it opens meanwhile, streams and spools report each that is safe, and
// the router one whose points have moved into others. A batch that is lost is never reported: Wait
// ends at its deadline. Shared by a request and its batches. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plumbago::relay {

class Delivery {
 public:
  void AddBatch() {
    base::MutexLock lock(mutex_);
    ++open_count_;
  }

  void OnBatchAccepted() {
    base::MutexLock lock(mutex_);
    if (--open_count_ == 0) done_.NotifyAll();
  }

  // After the last AddBatch. False where some batch was not accepted by `deadline` (monotonic).
  bool Wait(base::Clock& clock, absl::Duration deadline) {
    base::MutexLock lock(mutex_);
    while (open_count_ > 0) {
      const absl::Duration left = deadline - clock.Monotonic();
      if (left <= absl::ZeroDuration()) return false;
      done_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
    }
    return true;
  }

 private:
  base::Mutex mutex_;
  base::CondVar done_;
  int64_t open_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::relay

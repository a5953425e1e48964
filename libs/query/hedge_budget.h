// How many calls may be made twice: a share of all calls, with a small reserve for quiet times.
// Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/mutex.h"

namespace plumbago::query {

class HedgeBudget {
 public:
  // `share`: hedges for each call, 0 to 1; 0 allows none.
  explicit HedgeBudget(double share) : share_(share), tokens_(share > 0 ? kReserve : 0) {}

  void CountCall() {
    base::MutexLock lock(mutex_);
    tokens_ = std::min(tokens_ + share_, kReserve);
  }

  bool Take() {
    base::MutexLock lock(mutex_);
    if (share_ <= 0 || tokens_ < 1) return false;
    tokens_ -= 1;
    ++taken_;
    return true;
  }

  uint64_t taken() {
    base::MutexLock lock(mutex_);
    return taken_;
  }

  static constexpr double kReserve = 10;

 private:
  const double share_;
  base::Mutex mutex_;
  double tokens_ ABSL_GUARDED_BY(mutex_);
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::query

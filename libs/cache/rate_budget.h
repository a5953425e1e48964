// So many events a second, and at most a second's worth at once. 0 a second: no limit. For one
// thread at a time.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace plumbago::cache {

class RateBudget {
 public:
  // `now` is monotonic.
  RateBudget(double per_second, absl::Duration now)
      : per_second_(per_second), left_(std::max(1.0, per_second)), filled_at_(now) {}

  void Refill(absl::Duration now) {
    const double more = per_second_ * absl::ToDoubleSeconds(now - filled_at_);
    left_ = std::min(left_ + more, std::max(1.0, per_second_));
    filled_at_ = now;
  }
  bool has_more() const { return per_second_ <= 0 || left_ >= 1; }
  void Take() { left_ -= 1; }

 private:
  const double per_second_;
  double left_;
  absl::Duration filled_at_;
};

}  // namespace plumbago::cache

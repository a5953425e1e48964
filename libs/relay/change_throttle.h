// Decides which changes of a state are worth a line in the log: each where they are few, one a
// minute with their number where they do not end.
//
// There are lines for four changes at once (an outage is told as it goes), and a further one each
// minute. A state that is held back is told once there is a line for it. For one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/time/time.h"

namespace plumbago::relay {

class ChangeThrottle {
 public:
  static constexpr int kLinesAtOnce = 4;
  static constexpr absl::Duration kInterval = absl::Minutes(1);

  // What needs no line.
  explicit ChangeThrottle(int state) : state_(state) {}

  // To be asked often. Where a line is due now (monotonic) the number of changes that it tells of,
  // the one to `state` included; else 0.
  uint64_t LineDue(int state, absl::Duration now) {
    if (std::exchange(state_, state) != state) ++change_count_;
    if (change_count_ == 0) return 0;
    // As if all lines had been a full interval apart at least, the last of them at `paid_until_`.
    const absl::Duration paid_until = std::max(paid_until_, now - kLinesAtOnce * kInterval);
    if (paid_until + kInterval > now) return 0;
    paid_until_ = paid_until + kInterval;
    return std::exchange(change_count_, 0);
  }

 private:
  int state_;
  uint64_t change_count_ = 0;  // since the last line
  absl::Duration paid_until_ = -absl::InfiniteDuration();
};

}  // namespace plumbago::relay

#include "base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace plumbago::base {

absl::Time SystemClock::Now() { return absl::Now(); }

absl::Duration SystemClock::Monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace plumbago::base

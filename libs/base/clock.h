// Time as a dependency: logic takes a Clock&, tests give a SimulatedClock.
//
// Wall time is for points and retentions, monotonic time for intervals and timeouts.
// Implementations are thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace plumbago::base {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time. May jump.
  virtual absl::Time Now() = 0;

  // Time since an arbitrary point; never goes back.
  virtual absl::Duration Monotonic() = 0;

  int64_t UnixSeconds() { return absl::ToUnixSeconds(Now()); }
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  absl::Time Now() override;
  absl::Duration Monotonic() override;
};

// Stands still until told to advance.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : wall_nanos_(absl::ToUnixNanos(start)) {}

  absl::Time Now() override { return absl::FromUnixNanos(wall_nanos_.load()); }
  absl::Duration Monotonic() override { return absl::Nanoseconds(monotonic_nanos_.load()); }

  void Advance(absl::Duration duration) {
    wall_nanos_ += absl::ToInt64Nanoseconds(duration);
    monotonic_nanos_ += absl::ToInt64Nanoseconds(duration);
  }

 private:
  std::atomic<int64_t> wall_nanos_;
  std::atomic<int64_t> monotonic_nanos_{0};
};

}  // namespace plumbago::base

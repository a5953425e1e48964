// Quantiles of recent latencies, in a kilobyte: buckets that grow by a tenth, old counts fading by
// halves. Within 10 % of the truth between 100 us and about 1 minute. Thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plumbago::query {

class LatencyDigest {
 public:
  // The clock must outlive the digest.
  explicit LatencyDigest(base::Clock& clock) : clock_(clock), faded_at_(clock.Monotonic()) {}

  void Add(absl::Duration latency);
  // The latency that a share of `quantile` (0 to 1) does not exceed; infinite while there are fewer
  // than kSamplesMin.
  absl::Duration Quantile(double quantile);

  static constexpr double kSamplesMin = 20;
  static constexpr absl::Duration kHalfLife = absl::Seconds(30);

 private:
  void Fade() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Clock& clock_;
  base::Mutex mutex_;
  absl::Duration faded_at_ ABSL_GUARDED_BY(mutex_);
  std::array<double, 141> counts_ ABSL_GUARDED_BY(mutex_) = {};
  double total_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::query

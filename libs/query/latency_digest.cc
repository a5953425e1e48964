#include "query/latency_digest.h"

#include <algorithm>
#include <cmath>

namespace plumbago::query {
namespace {

constexpr double kFirstSeconds = 1e-4;  // the upper bound of the first bucket
constexpr double kGrowth = 1.1;
// What has faded below this is noise of the arithmetic.
constexpr double kCountMin = 1e-3;

double UpperSeconds(size_t bucket) {
  return kFirstSeconds * std::pow(kGrowth, static_cast<double>(bucket));
}

size_t BucketOf(double seconds, size_t bucket_count) {
  if (seconds <= kFirstSeconds) return 0;
  const double bucket = std::ceil(std::log(seconds / kFirstSeconds) / std::log(kGrowth));
  return std::min(static_cast<size_t>(bucket), bucket_count - 1);
}

}  // namespace

void LatencyDigest::Add(absl::Duration latency) {
  const size_t bucket = BucketOf(absl::ToDoubleSeconds(latency), counts_.size());
  base::MutexLock lock(mutex_);
  Fade();
  counts_[bucket] += 1;
  total_ += 1;
}

absl::Duration LatencyDigest::Quantile(double quantile) {
  base::MutexLock lock(mutex_);
  Fade();
  if (total_ < kSamplesMin) return absl::InfiniteDuration();
  double left = quantile * total_;
  for (size_t i = 0; i < counts_.size(); ++i) {
    left -= counts_[i];
    if (left <= 0 && counts_[i] > 0) return absl::Seconds(UpperSeconds(i));
  }
  return absl::Seconds(UpperSeconds(counts_.size() - 1));
}

// In steps of a tenth of the half-life, so that most calls do nothing.
void LatencyDigest::Fade() {
  const absl::Duration passed = clock_.Monotonic() - faded_at_;
  if (passed < kHalfLife / 10) return;
  faded_at_ += passed;
  const double factor = std::exp2(-absl::FDivDuration(passed, kHalfLife));
  total_ = 0;
  for (double& count : counts_) {
    count = count * factor < kCountMin ? 0 : count * factor;
    total_ += count;
  }
}

}  // namespace plumbago::query

// The rate limits of one tenant on one relay: points per second and new series per second, shared
// by all reactors.
//
// Token buckets with room for kBurst worth of the rate. When points run short, new series are
// refused first: they may not use the last fifth of the bucket. Reactors take points in portions,
// so that the lock is not on the way of a point. Thread-safe.
//
// A relay knows a series as new when it has not seen its name; after a start it has seen none, so
// that for `grace` after the tenant's first name nothing counts as new. Bounded: kSeenMax names (16
// bytes each), at which they are forgotten and the grace begins again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace plumbago::relay {

inline constexpr absl::Duration kBurst = absl::Seconds(10);

struct TenantRates {
  uint64_t points_per_second = 0;  // 0: no limit
  uint64_t new_series_per_second = 0;
  absl::Duration new_series_grace = absl::Minutes(2);

  bool has_limit() const { return points_per_second > 0 || new_series_per_second > 0; }
  bool operator==(const TenantRates& other) const {
    return points_per_second == other.points_per_second &&
           new_series_per_second == other.new_series_per_second &&
           new_series_grace == other.new_series_grace;
  }
};

class TenantLimiter {
 public:
  static constexpr size_t kSeenMax = size_t{4} << 20;

  // From here on these rates hold. Buckets are full at first, and keep what they have later.
  void SetRates(const TenantRates& rates);

  // A portion of points that may be taken now (monotonic time); 0: none. At most kPortionMax and
  // 1/32 of the bucket, so that what a reactor holds leaves the others and new series their part.
  static constexpr int64_t kPortionMax = 256;
  int64_t TakePoints(absl::Duration now);

  // Whether a series may be learnt now. Known ones always may.
  enum class Verdict { kTake, kOverPoints, kOverNewSeries };
  Verdict TakeSeries(absl::string_view canonical, absl::Duration now);

 private:
  struct Bucket {
    double rate = 0;  // per second; 0: no limit
    double tokens = 0;
    absl::Duration filled_at;

    double capacity() const { return rate * absl::ToDoubleSeconds(kBurst); }
    void SetRate(uint64_t per_second);
    void Fill(absl::Duration now);
  };

  bool IsKnown(absl::string_view canonical, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Mutex mutex_;
  TenantRates rates_ ABSL_GUARDED_BY(mutex_);
  Bucket points_ ABSL_GUARDED_BY(mutex_);
  Bucket new_series_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> seen_ ABSL_GUARDED_BY(mutex_);
  absl::Duration grace_until_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

// The limiters of all tenants of a process. Thread-safe.
class TenantLimiters {
 public:
  // Of tenants whose record does not say otherwise.
  explicit TenantLimiters(const TenantRates& defaults) : defaults_(defaults) {}

  const TenantRates& defaults() const { return defaults_; }

  // Null where `rates` limit nothing.
  std::shared_ptr<TenantLimiter> Get(const std::string& tenant, const TenantRates& rates);

 private:
  const TenantRates defaults_;
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<TenantLimiter>> limiters_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay

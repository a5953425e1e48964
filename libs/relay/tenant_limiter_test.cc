// Proves the rate limits of a tenant: bursts, refilling, and that new series are refused first.
#include "relay/tenant_limiter.h"

#include <catch2/catch.hpp>

namespace plumbago::relay {
namespace {

using Verdict = TenantLimiter::Verdict;

// All that the limiter gives at `now`, at most `wanted` and a portion.
int64_t TakeAll(TenantLimiter& limiter, absl::Duration now, int64_t wanted = 1'000'000) {
  int64_t total = 0;
  while (total < wanted) {
    const int64_t taken = limiter.TakePoints(now);
    if (taken == 0) break;
    total += taken;
  }
  return total;
}

TEST_CASE("TenantLimiter gives ten seconds' worth at once and then the rate", "[relay]") {
  TenantLimiter limiter;
  limiter.SetRates({.points_per_second = 100});
  CHECK(TakeAll(limiter, absl::Seconds(1)) == 1000);
  CHECK(TakeAll(limiter, absl::Seconds(1)) == 0);
  CHECK(TakeAll(limiter, absl::Seconds(2)) == 100);
  CHECK(TakeAll(limiter, absl::Seconds(1000)) == 1000);
}

TEST_CASE("TenantLimiter refuses new series beyond their rate and known ones never", "[relay]") {
  TenantLimiter limiter;
  limiter.SetRates({.new_series_per_second = 1, .new_series_grace = absl::ZeroDuration()});
  const absl::Duration now = absl::Seconds(5);
  for (int i = 0; i < 10; ++i) CHECK(limiter.TakeSeries(std::to_string(i), now) == Verdict::kTake);
  CHECK(limiter.TakeSeries("new", now) == Verdict::kOverNewSeries);
  CHECK(limiter.TakeSeries("3", now) == Verdict::kTake);
  CHECK(limiter.TakeSeries("new", now + absl::Seconds(1)) == Verdict::kTake);
}

TEST_CASE("TenantLimiter takes every series as known in the grace after a start", "[relay]") {
  TenantLimiter limiter;
  limiter.SetRates({.new_series_per_second = 1, .new_series_grace = absl::Seconds(60)});
  for (int i = 0; i < 1000; ++i) {
    CHECK(limiter.TakeSeries(std::to_string(i), absl::Seconds(1)) == Verdict::kTake);
  }
  for (int i = 0; i < 10; ++i) {
    CHECK(limiter.TakeSeries("n" + std::to_string(i), absl::Seconds(61)) == Verdict::kTake);
  }
  CHECK(limiter.TakeSeries("n10", absl::Seconds(61)) == Verdict::kOverNewSeries);
  CHECK(limiter.TakeSeries("999", absl::Seconds(61)) == Verdict::kTake);
}

TEST_CASE("TenantLimiter keeps the last fifth of the points for known series", "[relay]") {
  TenantLimiter limiter;
  limiter.SetRates({.points_per_second = 100, .new_series_grace = absl::ZeroDuration()});
  const absl::Duration now = absl::Seconds(1);
  CHECK(limiter.TakePoints(now) <= 1000 / 32);
  CHECK(limiter.TakeSeries("a", now) == Verdict::kTake);
  CHECK(TakeAll(limiter, now, 800) >= 800);
  CHECK(limiter.TakeSeries("b", now) == Verdict::kOverPoints);
  CHECK(limiter.TakeSeries("a", now) == Verdict::kTake);
  CHECK(TakeAll(limiter, now) > 100);
}

}  // namespace
}  // namespace plumbago::relay

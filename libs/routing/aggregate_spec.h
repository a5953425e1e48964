// One output of an aggregation rule: how points of many metrics become points of one.
//
// Plain values, immutable once a RouteTable has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::routing {

enum class Method { kSum, kAverage, kMin, kMax, kCount, kLast, kPercentile, kVariance, kDeviation };

// How a percentile between two values is taken.
enum class PercentileRule {
  kInterpolated,  // carbon: linear between the two nearest ranks
  kNearestRank,   // carbon-c-relay: a value that was there
};

// When a bucket is emitted, and how late a point may come.
enum class BucketRule {
  // Every write-back interval, once more whenever points have come since; kept for
  // MAX_AGGREGATION_INTERVALS. The first rule that names an output decides for all.
  kCarbon,
  // Once, `expire_seconds` after its start; points for it are late from then on.
  kCarbonCRelay,
};

enum class TimestampAt { kStart, kMiddle, kEnd };

struct AggregateSpec {
  Method method = Method::kSum;
  double quantile = 0;  // of kPercentile, 0..1
  PercentileRule percentile_rule = PercentileRule::kInterpolated;
  BucketRule bucket_rule = BucketRule::kCarbon;
  TimestampAt timestamp_at = TimestampAt::kStart;
  uint32_t interval_seconds = 60;
  uint32_t expire_seconds = 0;  // of kCarbonCRelay; more than interval_seconds
  // Where the emitted points go: to these groups, or, where there are none, through the rules from
  // `first_rule` on.
  std::vector<uint32_t> groups = {};
  uint32_t first_rule = 0;
  // Equal in two configurations where the rule is: its open buckets survive a reload.
  std::string identity = {};
};

// Of aggregation-rules.conf: sum, avg, min, max, count, last, p50 ... p999, and median.
// Sets method, quantile and percentile_rule.
absl::Status ParseCarbonMethod(absl::string_view name, AggregateSpec* spec);

// Of carbon-c-relay's "compute": sum, count, max, min, average, median, percentileNN, variance,
// stddev, and their other spellings.
absl::Status ParseCarbonCRelayMethod(absl::string_view name, AggregateSpec* spec);

}  // namespace plumbago::routing

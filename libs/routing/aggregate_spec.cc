#include "routing/aggregate_spec.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

struct Named {
  absl::string_view name;
  Method method;
  double quantile = 0;
};

constexpr Named kCarbonMethods[] = {
    {"sum", Method::kSum},
    {"avg", Method::kAverage},
    {"min", Method::kMin},
    {"max", Method::kMax},
    {"count", Method::kCount},
    {"last", Method::kLast},
    {"median", Method::kPercentile, 0.50},
    {"p50", Method::kPercentile, 0.50},
    {"p75", Method::kPercentile, 0.75},
    {"p80", Method::kPercentile, 0.80},
    {"p90", Method::kPercentile, 0.90},
    {"p95", Method::kPercentile, 0.95},
    {"p99", Method::kPercentile, 0.99},
    {"p999", Method::kPercentile, 0.999},
};

constexpr Named kCarbonCRelayMethods[] = {
    {"sum", Method::kSum},
    {"summary", Method::kSum},
    {"count", Method::kCount},
    {"cnt", Method::kCount},
    {"max", Method::kMax},
    {"maximum", Method::kMax},
    {"min", Method::kMin},
    {"minimum", Method::kMin},
    {"average", Method::kAverage},
    {"avg", Method::kAverage},
    {"variance", Method::kVariance},
    {"stddev", Method::kDeviation},
    {"median", Method::kPercentile, 0.50},
};

template <size_t kCount>
bool SetNamed(const Named (&methods)[kCount], absl::string_view name, AggregateSpec* spec) {
  for (const Named& named : methods) {
    if (named.name != name) continue;
    spec->method = named.method;
    spec->quantile = named.quantile;
    return true;
  }
  return false;
}

}  // namespace

absl::Status ParseCarbonMethod(absl::string_view name, AggregateSpec* spec) {
  spec->percentile_rule = PercentileRule::kInterpolated;
  if (SetNamed(kCarbonMethods, name, spec)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "method \"", base::Excerpt(name),
      "\" is unknown; known are sum, avg, min, max, count, last, median, p50, p75, p80, p90, p95, "
      "p99 and p999"));
}

absl::Status ParseCarbonCRelayMethod(absl::string_view name, AggregateSpec* spec) {
  spec->percentile_rule = PercentileRule::kNearestRank;
  if (SetNamed(kCarbonCRelayMethods, name, spec)) return absl::OkStatus();
  absl::string_view number = name;
  int percent = 0;
  if (absl::ConsumePrefix(&number, "percentile") && absl::SimpleAtoi(number, &percent) &&
      percent >= 1 && percent <= 99) {
    spec->method = Method::kPercentile;
    spec->quantile = percent / 100.0;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("compute \"", base::Excerpt(name),
                   "\" is unknown; known are sum, count, max, min, average, median, percentile1 to "
                   "percentile99, variance and stddev"));
}

}  // namespace plumbago::routing

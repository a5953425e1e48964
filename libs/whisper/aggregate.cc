#include "whisper/aggregate.h"

#include <cmath>

#include "base/check.h"

namespace plumbago::whisper {
namespace {

double Sum(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

// The first value that no later one beats, as Python's max() and min(): a NaN is beaten by nothing
// and beats nothing.
template <typename Beats>
double Select(absl::Span<const double> values, Beats beats) {
  double best = values.front();
  for (const double value : values) {
    if (beats(value, best)) best = value;
  }
  return best;
}

}  // namespace

double Aggregate(AggregationMethod method, absl::Span<const double> known, size_t slot_count) {
  PLUMBAGO_CHECK(!known.empty());
  switch (method) {
    case AggregationMethod::kAverage:
      return Sum(known) / static_cast<double>(known.size());
    case AggregationMethod::kSum:
      return Sum(known);
    case AggregationMethod::kLast:
      return known.back();
    case AggregationMethod::kMax:
      return Select(known, [](double a, double b) { return a > b; });
    case AggregationMethod::kMin:
      return Select(known, [](double a, double b) { return a < b; });
    case AggregationMethod::kAverageZero:
      return Sum(known) / static_cast<double>(slot_count);
    case AggregationMethod::kAbsoluteMaximum:
      return Select(known, [](double a, double b) { return std::abs(a) > std::abs(b); });
    case AggregationMethod::kAbsoluteMinimum:
      return Select(known, [](double a, double b) { return std::abs(a) < std::abs(b); });
  }
  PLUMBAGO_CHECK(false);
}

}  // namespace plumbago::whisper

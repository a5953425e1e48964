// Proves the results of each aggregation method, with the ties, NaN and signed zeroes of
// whisper.py. The differential test covers them on files; this one names the rules.
#include "whisper/aggregate.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace plumbago::whisper {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double Run(AggregationMethod method, std::vector<double> known, size_t slot_count = 10) {
  return Aggregate(method, known, slot_count);
}

TEST_CASE("Each aggregation method gives whisper's result", "[whisper]") {
  const std::vector<double> known = {3, -5, 1, 5};
  CHECK(Run(AggregationMethod::kAverage, known) == 1);
  CHECK(Run(AggregationMethod::kSum, known) == 4);
  CHECK(Run(AggregationMethod::kLast, known) == 5);
  CHECK(Run(AggregationMethod::kMax, known) == 5);
  CHECK(Run(AggregationMethod::kMin, known) == -5);
  CHECK(Run(AggregationMethod::kAverageZero, known, 8) == 0.5);
  CHECK(Run(AggregationMethod::kAbsoluteMinimum, known) == 1);
}

TEST_CASE("The first of two values equally far from 0 wins, with its sign", "[whisper]") {
  CHECK(Run(AggregationMethod::kAbsoluteMaximum, {3, -5, 5}) == -5);
  CHECK(Run(AggregationMethod::kAbsoluteMinimum, {3, -1, 1}) == -1);
}

TEST_CASE("NaN beats nothing and is beaten by nothing", "[whisper]") {
  CHECK(std::isnan(Run(AggregationMethod::kMax, {kNan, 1})));
  CHECK(Run(AggregationMethod::kMax, {1, kNan}) == 1);
  CHECK(std::isnan(Run(AggregationMethod::kMin, {kNan, 1})));
  CHECK(Run(AggregationMethod::kMin, {1, kNan}) == 1);
  CHECK(std::isnan(Run(AggregationMethod::kSum, {1, kNan})));
}

TEST_CASE("A sum of negative zeroes is positive, as Python's", "[whisper]") {
  CHECK_FALSE(std::signbit(Run(AggregationMethod::kSum, {-0.0, -0.0})));
}

}  // namespace
}  // namespace plumbago::whisper

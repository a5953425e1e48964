// Aggregations of single rows and of columns, with nulls and xFilesFactor.
#include "functions/aggregation.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

constexpr double N = kNull;

std::string Shown(const std::string& word, const std::vector<double>& values) {
  return PythonFloat(Aggregate(*ParseAggregation(word), values));
}

TEST_CASE("Aggregations skip nulls", "[aggregation]") {
  const auto [word, expected] = GENERATE(table<std::string, std::string>({
      {"average", "4.0"},
      {"avg", "4.0"},
      {"avg_zero", "3.0"},
      {"median", "3.0"},
      {"sum", "12.0"},
      {"total", "12.0"},
      {"min", "2.0"},
      {"max", "7.0"},
      {"diff", "2.0"},
      {"count", "3.0"},
      {"range", "5.0"},
      {"rangeOf", "5.0"},
      {"multiply", "nan"},
      {"last", "3.0"},
      {"current", "3.0"},
      {"sumSeries", "12.0"},
      {"stddev", "2.160246899469287"},
  }));
  CAPTURE(word);
  CHECK(Shown(word, {7, N, 2, 3}) == expected);
}

TEST_CASE("All nulls give null, and a count of 0", "[aggregation]") {
  for (const std::string& word : AggregationWords()) {
    CAPTURE(word);
    CHECK(Shown(word, {N, N}) == (word == "count" ? "0.0" : "nan"));
  }
  CHECK(Shown("median", {4, 1}) == "2.5");
  CHECK(Shown("multiply", {4, 2}) == "8.0");
}

TEST_CASE("Unknown aggregations are refused with the list of the known", "[aggregation]") {
  for (const std::string word : {"", "Series", "medianx", "countSeries", "SUM"}) {
    const auto aggregation = ParseAggregation(word);
    REQUIRE_FALSE(aggregation.ok());
    CHECK(absl::StrContains(std::string(aggregation.status().message()), "rangeOf, stddev, sum"));
  }
}

std::vector<double> Rows(Aggregation aggregation, const std::vector<std::vector<double>>& columns,
                         double share) {
  std::vector<const std::vector<double>*> pointers;
  for (const auto& column : columns) pointers.push_back(&column);
  return AggregateRows(aggregation, pointers, share);
}

TEST_CASE("Rows pad short columns with nulls and obey xFilesFactor", "[aggregation]") {
  const std::vector<std::vector<double>> columns = {{1, 2, N, N}, {3, N, N}, {5, 6}};
  const auto check = [&](Aggregation aggregation, double share, std::vector<double> expected) {
    const std::vector<double> rows = Rows(aggregation, columns, share);
    REQUIRE(rows.size() == expected.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(i);
      CHECK((rows[i] == expected[i] || (std::isnan(rows[i]) && std::isnan(expected[i]))));
    }
  };
  check(Aggregation::kSum, 0, {9, 8, N, N});
  check(Aggregation::kAverage, 0, {3, 4, N, N});
  check(Aggregation::kAverage, 0.7, {3, N, N, N});
  check(Aggregation::kMaximum, 0, {5, 6, N, N});
  check(Aggregation::kMinimum, 0.5, {1, 2, N, N});
  check(Aggregation::kMedian, 0, {3, 4, N, N});
  check(Aggregation::kDifference, 0, {-7, -4, N, N});
  check(Aggregation::kCount, 0, {3, 2, N, N});
  check(Aggregation::kMultiply, 0, {15, N, N, N});
}

}  // namespace
}  // namespace plumbago::functions

// Copies of a series become one: stored ones fill each other's nulls, hot points go into the steps.
#include "query/series_merge.h"

#include <catch2/catch.hpp>
#include <string>

#include "functions/series.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

constexpr double N = functions::kNull;

std::string Shown(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    if (!text.empty()) text += " ";
    text += functions::PythonFloat(value);
  }
  return text;
}

StoredSeries Stored(int64_t start, int64_t step, std::vector<double> values) {
  StoredSeries series;
  series.start = start;
  series.step = step;
  series.values = std::move(values);
  return series;
}

TEST_CASE("Replicas of equal shape fill each other's nulls", "[series_merge]") {
  StoredSeries series = Stored(10, 10, {1, N, 3, N});
  MergeStored(Stored(10, 10, {9, 2, N, N}), series);
  CHECK(Shown(series.values) == "1.0 2.0 3.0 nan");
}

TEST_CASE("Replicas of other shape: the finer wins, then the one with fewer nulls",
          "[series_merge]") {
  StoredSeries series = Stored(60, 60, {1, 2});
  MergeStored(Stored(10, 10, {N, 5}), series);
  CHECK(series.step == 10);
  MergeStored(Stored(60, 60, {1, 2}), series);
  CHECK(series.step == 10);
  MergeStored(Stored(20, 10, {7, 8, 9}), series);
  CHECK(Shown(series.values) == "7.0 8.0 9.0");
  MergeStored(Stored(20, 10, {1, N}), series);
  CHECK(Shown(series.values) == "7.0 8.0 9.0");
}

TEST_CASE("In the finest archive the later arrival wins a step", "[series_merge]") {
  StoredSeries series = Stored(100, 10, {1, 2, N});
  series.finest_step = 10;
  MergeHot({0, {99, 105, 119, 111, 129, 130}, {7, 8, 9, 10, 11, 12}}, series);
  CHECK(Shown(series.values) == "8.0 10.0 11.0");
}

std::string Coarse(const std::string& method) {
  StoredSeries series = Stored(120, 60, {5, N, N});
  series.finest_step = 10;
  series.aggregation_method = method;
  // The point at 190 arrives twice; the one at 300 is behind the end.
  MergeHot({0, {130, 190, 200, 190, 300}, {3, -8, 6, -4, 1}}, series);
  return Shown(series.values);
}

TEST_CASE("In a coarser archive hot points are aggregated as the series is", "[series_merge]") {
  CHECK(Coarse("average") == "5.0 1.0 nan");
  CHECK(Coarse("avg_zero") == "5.0 1.0 nan");
  CHECK(Coarse("sum") == "5.0 2.0 nan");
  CHECK(Coarse("max") == "5.0 6.0 nan");
  CHECK(Coarse("min") == "3.0 -4.0 nan");
  CHECK(Coarse("last") == "3.0 6.0 nan");
  CHECK(Coarse("absmax") == "5.0 6.0 nan");
  CHECK(Coarse("absmin") == "3.0 -4.0 nan");
}

}  // namespace
}  // namespace plumbago::query

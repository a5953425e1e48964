// Tags of names, shared columns, consolidation and maxDataPoints.
#include "functions/series.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <string>

#include "functions/text.h"

namespace plumbago::functions {
namespace {

constexpr double N = kNull;

std::string Shown(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    if (!text.empty()) text += " ";
    text += PythonFloat(value);
  }
  return text;
}

std::string Shown(const Tags& tags) {
  std::string text;
  for (const auto& [key, value] : tags.entries()) text += key + "=" + value + ";";
  return text;
}

TEST_CASE("Tags come from the name, with the metric's name last", "[series]") {
  CHECK(Shown(TagsOfName("a.b")) == "name=a.b;");
  CHECK(Shown(TagsOfName("disk.used;rack=a1;host=h")) == "rack=a1;host=h;name=disk.used;");
  CHECK(Shown(TagsOfName("disk;rack=a=b")) == "rack=a=b;name=disk;");
  CHECK(Shown(TagsOfName("disk;rack")) == "name=disk;rack;");
  CHECK(Shown(TagsOfName("disk;=x")) == "name=disk;=x;");
  CHECK(Shown(TagsOfName("scale(disk;a=b,2)")) == "name=scale(disk;a=b,2);");
}

TEST_CASE("Copies of a column share its values until one changes", "[series]") {
  Column first(std::vector<double>{1, 2});
  Column second = first;
  CHECK(first.begin() == second.begin());
  second.Mutable()[0] = 5;
  CHECK(Shown(first.get()) == "1.0 2.0");
  CHECK(Shown(second.get()) == "5.0 2.0");
}

std::string Consolidated(const std::string& word, double share, size_t width) {
  Series series = MakeSeries("a", 0, 70, 10, std::vector<double>{1, 2, N, 4, N, N, 7});
  REQUIRE(ParseConsolidation(word, &series.consolidation));
  series.x_files_factor = share;
  return Shown(Consolidate(series, width));
}

TEST_CASE("Consolidation merges runs, the short last one by the full width", "[series]") {
  CHECK(Consolidated("average", 0, 2) == "1.5 4.0 nan 7.0");
  CHECK(Consolidated("avg", 0, 3) == "1.5 4.0 7.0");
  CHECK(Consolidated("avg_zero", 0, 3) == "1.0 1.3333333333333333 7.0");
  CHECK(Consolidated("sum", 0, 3) == "3.0 4.0 7.0");
  CHECK(Consolidated("min", 0, 3) == "1.0 4.0 7.0");
  CHECK(Consolidated("max", 0, 3) == "2.0 4.0 7.0");
  CHECK(Consolidated("first", 0, 3) == "1.0 4.0 7.0");
  CHECK(Consolidated("last", 0, 3) == "2.0 4.0 7.0");
  CHECK(Consolidated("average", 0.5, 3) == "1.5 nan nan");
  CHECK(Consolidated("average", 0.34, 3) == "1.5 nan nan");
  CHECK(Consolidated("average", 0.33, 3) == "1.5 4.0 7.0");
  CHECK(Consolidated("average", 0, 1) == "1.0 2.0 nan 4.0 nan nan 7.0");
  Consolidation unknown;
  CHECK_FALSE(ParseConsolidation("median", &unknown));
}

Series Ramp(int64_t start, int64_t step, size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.0);
  return MakeSeries("a", start, start + static_cast<int64_t>(count) * step, step, values);
}

TEST_CASE("maxDataPoints nudges the start and drops one point fewer than it is worth", "[series]") {
  // graphite-web's own result: 100 samples 0..99 at 60 s, 10 points: the first bucket is 8..17.
  SeriesList list = {Ramp(60, 60, 100)};
  ConsolidateToMaximum(10, list);
  CHECK(list[0].step == 600);
  CHECK(list[0].start == 600);
  CHECK(list[0].values[0] == 12.5);
  CHECK(list[0].values.size() == 10);
}

TEST_CASE("maxDataPoints leaves what is small enough alone", "[series]") {
  SeriesList list = {Ramp(0, 60, 100)};
  ConsolidateToMaximum(100, list);
  CHECK(list[0].values.size() == 100);
  ConsolidateToMaximum(0, list);
  CHECK(list[0].step == 60);
}

TEST_CASE("maxDataPoints counts the range of all series", "[series]") {
  SeriesList list = {Ramp(0, 60, 10), Ramp(600, 60, 10)};
  ConsolidateToMaximum(10, list);  // 20 steps of 60 s from first to last
  CHECK(list[0].step == 120);
  CHECK(list[1].step == 120);
}

TEST_CASE("A value that is not merged with others stays an integer", "[series]") {
  SeriesList list = {Ramp(0, 60, 1), Ramp(0, 60, 2)};
  for (Series& series : list) {
    series.has_integer_values = true;
    series.consolidation = Consolidation::kAverageZero;
  }
  ConsolidateToMaximum(1, list);
  CHECK(list[0].has_integer_values);
  CHECK_FALSE(list[1].has_integer_values);
}

TEST_CASE("maxDataPoints of one makes one value, an empty series none", "[series]") {
  SeriesList list = {Ramp(0, 60, 5), Ramp(0, 60, 0)};
  ConsolidateToMaximum(1, list);
  CHECK(Shown(list[0].values.get()) == "2.0");
  CHECK(list[0].step == 300);
  CHECK(list[1].values.empty());
}

}  // namespace
}  // namespace plumbago::functions

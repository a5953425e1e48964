// Targets that are wrong, huge or hostile: an error that says why, or an answer within bounds.
#include <catch2/catch.hpp>
#include <string>

#include "functions/attime.h"
#include "functions/testing/evaluation.h"

namespace plumbago::functions {
namespace {

TestEvaluation Fixture() {
  TestEvaluation test;
  test.context.range = {1'700'000'000 - 600, 1'700'000'000};
  test.context.now = 1'700'000'000;
  test.Add("t", "t", 10, [](int64_t time) { return static_cast<double>(time % 100); });
  test.Add("slow", "slow", 7, [](int64_t time) { return static_cast<double>(time % 7); });
  test.Add("null", "null", 10, [](int64_t) { return kNull; });
  return test;
}

TEST_CASE("Intervals that are no intervals are refused", "[bad_input]") {
  const std::string target =
      GENERATE(as<std::string>(), "summarize(t, '0min')", "summarize(t, '-10min')",
               "smartSummarize(t, '0s')", "hitcount(t, '0min')", "hitcount(t, '-1h', true)",
               "slo(t, '0s', 'above', 1)", "summarize(t, '-1y')");
  CAPTURE(target);
  CHECK_THAT(Fixture().Show(target), Catch::Contains("must be at least 1s"));
}

TEST_CASE("Steps and sizes of zero or less are refused", "[bad_input]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"timeFunction('x', 0)", "step is 0, not at least 1"},
      {"sinFunction('x', 1, -5)", "step is -5"},
      {"randomWalk('x', 0)", "step is 0"},
      {"integralByInterval(t, '0s')", "not at least 1s"},
      {"stdev(t, 0)", "points is 0"},
      {"pearson(t, t, 0)", "windowSize is 0"},
      {"polyfit(t, 0)", "degree is 0"},
      {"polyfit(t, 1000000)", "degree is 1000000"},
      {"log(t, 1)", "base is 1"},
      {"nPercentile(t, 0)", "n is 0"},
      {"lowPass(t, -1)", "cutPercent is -1"},
      {"timeStack(t, '1d', 0, 1000000000)", "more than 1000 copies"},
      {"baseline(t, '1d', 0, 1000000000)", "more than 1000 periods"},
      {"time('x', 9223372036854775807)", "step is 9223372036854775807"},
      {"timeStack(t, '1d', -9223372036854775808, 1)", "more than 1000 copies"},
      {"baseline(t, '1d', -9223372036854775808, 1)", "more than 1000 periods"},
      {"movingAverage(t, 100000000)", "not 0 to 10000000 points"},
  }));
  CAPTURE(target);
  CHECK_THAT(Fixture().Show(target), Catch::Contains(expected));
}

TEST_CASE("Answers that would be huge are refused before they are made", "[bad_input]") {
  TestEvaluation test = Fixture();
  test.context.range = {0, int64_t{1} << 32};
  const std::string target = GENERATE(as<std::string>(), "timeFunction('x', 1)",
                                      "identity('x')|summarize('1s')", "sin('x', 1, 1)");
  CAPTURE(target);
  CHECK_THAT(test.Show(target), Catch::Contains("--points-per-query-max"));
}

TEST_CASE("Extreme integers are integers like others", "[bad_input]") {
  const std::string target = GENERATE(
      as<std::string>(), "round(t, -9223372036854775808)", "delay(t, -9223372036854775808)",
      "limit(t, -9223372036854775808)", "round(t, 9223372036854775807)",
      "aliasByNode(t, -9223372036854775808)", "substr(t, -9223372036854775808)",
      "stdev(t, 9223372036854775807)", "upper(t, 9223372036854775807)",
      "tukeyAbove(t, 1, 1, -9223372036854775808)", "keepLastValue(t, -9223372036854775808)");
  CAPTURE(target);
  CHECK(Fixture().Run(target).ok());
}

TEST_CASE("A window that reaches back before 1970 has what there is since", "[bad_input]") {
  TestEvaluation test = Fixture();
  test.context.range = {100, 130};
  CHECK(test.Show("movingAverage(t, '100y')") ==
        "movingAverage(t,\"100y\") 110+10: 41.81818181818182 40.0 39.23076923076923");
  for (const Fetch& fetch : test.fetches) CHECK(fetch.range.from == 0);
  CHECK(test.Show("timeShift(t, '400y')") == "timeShift(t, \"-400y\") 110+10: - - -");
  CHECK_THAT(test.Show("timeShift(t, '900y')"), Catch::Contains("longer than 400 years"));
  CHECK(test.Run("holtWintersForecast(t, '300y')").ok());
}

TEST_CASE("Numbers that are none do not get into functions", "[bad_input]") {
  const std::string target =
      GENERATE(as<std::string>(), "scale(t, nan)", "scale(t, 'nan')", "constantLine('NaN')",
               "movingAverage(t, inf)", "highest(t, 1e3)", "summarize(t, inf)");
  CAPTURE(target);
  CHECK_FALSE(Fixture().Run(target).ok());
}

TEST_CASE("Division by nothing is null", "[bad_input]") {
  const std::string target = GENERATE(
      as<std::string>(), "divideSeries(t, scale(t,0))", "asPercent(t, 0)", "invert(scale(t,0))",
      "divideSeriesLists(t, null)", "asPercent(t, null)", "weightedAverage(t, scale(t,0), 0)");
  CAPTURE(target);
  const auto list = Fixture().Run(target);
  REQUIRE(list.ok());
  REQUIRE(list->size() == 1);
  for (const double value : list->front().values) CHECK(std::isnan(value));
}

TEST_CASE("Steps without a sensible common multiple end in one value", "[bad_input]") {
  TestEvaluation test = Fixture();
  test.Add("prime", "prime", 86399, [](int64_t) { return 1.0; });
  const auto sum = test.Run("sumSeries(t, slow, prime)");
  REQUIRE(sum.ok());
  CHECK(sum->front().values.size() == 1);
}

TEST_CASE("Long and deep targets are read in time that grows with their length", "[bad_input]") {
  TestEvaluation test = Fixture();
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "absolute(";
  CHECK_THAT(test.Show(deep), Catch::Contains("more than 100 function calls inside each other"));
  std::string piped = "t";
  for (int i = 0; i < 10'000; ++i) piped += "|absolute()";
  CHECK_THAT(test.Show(piped), Catch::Contains("more than 100 function calls"));
  CHECK_THAT(test.Show(std::string(1'000'000, '{')), Catch::Contains("too many nested braces"));
  std::string wide = "sumSeries(t";
  while (wide.size() < 1'000'000) wide += ",t";
  const auto sum = test.Run(wide + ")");
  REQUIRE(sum.ok());
  CHECK(sum->size() == 1);
  CHECK_FALSE(test.Run(std::string(1'000'000, '(')).ok());
  CHECK_FALSE(test.Run("alias(t, '" + std::string(1'000'000, '\\')).ok());
}

TEST_CASE("Targets that make up targets end", "[bad_input]") {
  TestEvaluation test = Fixture();
  test.context.calls_max = 100;
  CHECK_THAT(test.Show("applyByNode(t, 0, 'nosuch(%)')"),
             Catch::Contains("unknown function nosuch()"));
  CHECK_THAT(test.Show("aliasQuery(t, '.*', 'sum(', '%d')"), Catch::Contains("expected"));
  CHECK_THAT(test.Show("aliasQuery(t, '^.*$', 't', '%d %d')"),
             Catch::Contains("exactly one conversion"));
  CHECK_THAT(test.Show("aliasQuery(t, '^.*$', 't', '%*n')"),
             Catch::Contains("exactly one conversion"));
  const std::string many = "applyByNode(t, 0, '" + std::string(2'000'000, '%') + "')";
  CHECK_THAT(test.Show(many), Catch::Contains("becomes longer than 65536 bytes"));
  std::string doubled = "t";
  for (int i = 0; i < 40; ++i) doubled = "aliasSub(" + doubled + ", '^(.*)$', '\\1\\1')";
  CHECK_THAT(test.Show(doubled), Catch::Contains("becomes longer than 65536 bytes"));
  CHECK_THAT(test.Show("aliasQuery(t, '^.*$', 't', '%999999d')"),
             Catch::Contains("exactly one conversion"));
}

TEST_CASE("Regular expressions that RE2 lacks are refused by name", "[bad_input]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"grep(t, '(?=x)')", "(?="},
      {"exclude(t, '(a)\\1')", "\\1"},
      {"aliasSub(t, '(?<!x)y', '')", "(?<"},
      {"useSeriesAbove(t, 1, '(?>x)', '')", "(?>"},
  }));
  CAPTURE(target);
  CHECK_THAT(Fixture().Show(target), Catch::Contains(expected) && Catch::Contains("RE2"));
  CHECK(Fixture().Show("grep(t, '(x+x+)+y')").empty());  // linear, whatever the pattern
}

TEST_CASE("A cancelled request stops within a moving window", "[bad_input]") {
  TestEvaluation test = Fixture();
  test.context.range = {0, 2'000'000};
  int left = 5;
  test.context.check_alive = [&] {
    return --left > 0 ? absl::OkStatus() : absl::CancelledError("gone");
  };
  CHECK(test.Show("movingWindow(t, 90000, 'stddev')") == "gone");
}

TEST_CASE("Times of far years are errors or epochs", "[bad_input]") {
  const absl::TimeZone utc = absl::UTCTimeZone();
  CHECK(*ParseAtTime("99991231", 0, utc) == 253402214400);
  CHECK_FALSE(ParseAtTime("99999999999999999999", 0, utc).ok());
  CHECK_FALSE(ParseAtTime("12/31/99999", 0, utc).ok());
  CHECK_FALSE(ParseAtTime("now-99999999y", 0, utc).ok());
  CHECK(Fixture().Show("timeSlice(t, '99991231')|summarize('1h')|removeEmptySeries()").empty());
  CHECK_THAT(Fixture().Show("verticalLine('99991231')"), Catch::Contains("after end of range"));
}

TEST_CASE("timeShift into the future has as many values as its times say", "[bad_input]") {
  TestEvaluation test = Fixture();
  const auto shifted = test.Run("timeShift(t, '+1min')");
  REQUIRE(shifted.ok());
  const Series& series = shifted->front();
  CHECK(static_cast<int64_t>(series.values.size()) == (series.end - series.start) / series.step);
}

}  // namespace
}  // namespace plumbago::functions

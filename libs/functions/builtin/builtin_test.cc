// Every function by table: names, tags, values and nulls, worked out by hand from graphite-web's
// definitions. "-" is null; integers are printed without point.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "functions/testing/evaluation.h"

namespace plumbago::functions {
namespace {

constexpr double N = kNull;

// Range (0, 60]: points at 10, 20, ... 60 for a step of 10.
TestEvaluation Fixture() {
  TestEvaluation test;
  test.Add("web.*.cpu", "web.a.cpu", 10, std::vector<double>{1, 2, N, 4, 5, 6});
  test.Add("web.*.cpu", "web.b.cpu", 10, std::vector<double>{10, N, N, 40, 50, 60});
  test.Add("one", "one", 10, std::vector<double>{1, 2, N, 4, 3, 6});
  test.Add("slow", "slow", 20, std::vector<double>{100, 200, 300});
  test.Add("gaps", "gaps", 10, std::vector<double>{N, 1, N, N, 2, N});
  test.Add("tagged", "disk.used;rack=a1;dc=x", 10, std::vector<double>{1, 1, 1, 1, 1, 1});
  test.Add("null", "null", 10, std::vector<double>{});
  for (const std::string name : {"server1", "server11", "server12", "server2", "Server3"}) {
    test.Add("server*", name, 60, std::vector<double>{1});
  }
  return test;
}

TEST_CASE("Functions give graphite-web's names and values", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"one", "one 10+10: 1.0 2.0 - 4.0 3.0 6.0"},
      {"nothing", ""},
      {"alias(web.*.cpu, 'x y')",
       "x y 10+10: 1.0 2.0 - 4.0 5.0 6.0\nx y 10+10: 10.0 - - 40.0 50.0 60.0"},
      {"sumSeries(web.*.cpu)", "sumSeries(web.*.cpu) 10+10: 11.0 2.0 - 44.0 55.0 66.0"},
      {"sum(web.*.cpu, one)", "sumSeries(web.*.cpu,one) 10+10: 12.0 4.0 - 48.0 58.0 72.0"},
      {"averageSeries(web.*.cpu)", "averageSeries(web.*.cpu) 10+10: 5.5 2.0 - 22.0 27.5 33.0"},
      {"avg(one)", "averageSeries(one) 10+10: 1.0 2.0 - 4.0 3.0 6.0"},
      {"minSeries(web.*.cpu)", "minSeries(web.*.cpu) 10+10: 1.0 2.0 - 4.0 5.0 6.0"},
      {"maxSeries(web.*.cpu)", "maxSeries(web.*.cpu) 10+10: 10.0 2.0 - 40.0 50.0 60.0"},
      // A step of 20 and one of 10: pairs of the fast one are averaged, rows go by index.
      {"sumSeries(slow, one)", "sumSeries(slow,one) 10+20: 101.5 204.0 304.5"},
      {"sumSeries(nothing)", ""},
      {"scale(one, 2)", "scale(one,2) 10+10: 2.0 4.0 - 8.0 6.0 12.0"},
      {"scale(one, 1000000)",
       "scale(one,1e+06) 10+10: 1000000.0 2000000.0 - 4000000.0 3000000.0 6000000.0"},
      {"offset(one, -0.5)", "offset(one,-0.5) 10+10: 0.5 1.5 - 3.5 2.5 5.5"},
      {"derivative(one)", "derivative(one) 10+10: - 1.0 - - -1.0 3.0"},
      {"nonNegativeDerivative(one)", "nonNegativeDerivative(one) 10+10: - 1.0 - - - 3.0"},
      {"nonNegativeDerivative(one, 5)", "nonNegativeDerivative(one) 10+10: - 1.0 - - 5.0 -"},
      {"nonNegativeDerivative(one, minValue=1)",
       "nonNegativeDerivative(one) 10+10: - 1.0 - - 2.0 3.0"},
      {"nonNegativeDerivative(one, 9, 1)", "nonNegativeDerivative(one) 10+10: - 1.0 - - 8.0 3.0"},
      {"perSecond(one)", "perSecond(one) 10+10: - 0.1 - - - 0.3"},
      {"perSecond(scale(one,0.333333333))",
       "perSecond(scale(one,0.333333)) 10+10: - 0.033333 - - - 0.1"},
      {"keepLastValue(gaps)", "keepLastValue(gaps) 10+10: - 1.0 1.0 1.0 2.0 2.0"},
      {"keepLastValue(gaps, 1)", "keepLastValue(gaps) 10+10: - 1.0 - - 2.0 2.0"},
      {"keepLastValue(gaps, inf)", "keepLastValue(gaps) 10+10: - 1.0 1.0 1.0 2.0 2.0"},
      {"summarize(one, '20s')", "summarize(one, \"20s\", \"sum\") 0+20: 1.0 2.0 7.0 6.0"},
      {"summarize(one, '30s', 'max')", "summarize(one, \"30s\", \"max\") 0+30: 2.0 4.0 6.0"},
      {"summarize(one, '30s', 'avg', true)",
       "summarize(one, \"30s\", \"avg\", true) 10+30: 1.5 4.333333333333333"},
      {"summarize(one, '30s', 'count')", "summarize(one, \"30s\", \"count\") 0+30: 2 2 1"},
      {"summarize(slow, '10s')",
       "summarize(slow, \"10s\", \"sum\") 20+10: 100.0 - 200.0 - 300.0 - -"},
      {"constantLine(5)", "5.0 0+30: 5.0 5.0 5.0"},
      {"constantLine(1e20)", "1e+20 0+30: 1e+20 1e+20 1e+20"},
      {"groupByNode(web.*.cpu, 1, 'sum')",
       "a 10+10: 1.0 2.0 - 4.0 5.0 6.0\nb 10+10: 10.0 - - 40.0 50.0 60.0"},
      {"groupByNode(web.*.cpu, 0)", "web 10+10: 5.5 2.0 - 22.0 27.5 33.0"},
      {"groupByNode(web.*.cpu, -1, 'maxSeries')", "cpu 10+10: 10.0 2.0 - 40.0 50.0 60.0"},
      {"groupByNode(web.*.cpu, 2, 'count')", "cpu 10+10: 2 1 - 2 2 2"},
      {"scale(groupByNode(web.*.cpu, 2, 'count'), 2)", "scale(cpu,2) 10+10: 4.0 2.0 - 4.0 4.0 4.0"},
      {"sumSeries(scale(one,2), scale(one,2))",
       "sumSeries(scale(one,2)) 10+10: 4.0 8.0 - 16.0 12.0 24.0"},
      // alias changes the name only: outer aggregates still show the path.
      {"sumSeries(alias(one,'x'))", "sumSeries(one) 10+10: 1.0 2.0 - 4.0 3.0 6.0"},
      {"one|scale(2)|alias('piped')", "piped 10+10: 2.0 4.0 - 8.0 6.0 12.0"},
      {"scale(seriesList=one, factor=2)", "scale(one,2) 10+10: 2.0 4.0 - 8.0 6.0 12.0"},
      {"scale(one, '2')", "scale(one,2) 10+10: 2.0 4.0 - 8.0 6.0 12.0"},
  }));
  CAPTURE(target);
  CHECK(Fixture().Show(target) == expected);
}

TEST_CASE("Functions that name and select", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"aliasByNode(web.*.cpu, 1)", "a b"},
      {"aliasByNode(web.*.cpu, -1, 0)", "cpu.web cpu.web"},
      {"aliasByNode(scale(web.*.cpu,2), 1, 9)", "a. b."},
      {"aliasByNode(tagged, 0, 'rack', 'none')", "disk.a1."},
      {"aliasByNode(tagged, 'name')", "disk.used"},
      {"aliasByNode(sumSeries(web.*.cpu), 1)", "*"},
      {"aliasByNode(alias(one,'x (y z)'), 0)", "x (y z)"},
      {"aliasSub(web.*.cpu, '^web\\.(.*)\\.cpu$', 'host-\\1')", "host-a host-b"},
      {"aliasSub(constantLine(99), \"(^.*$)\", \"\\1 A\")", "99.0 A"},
      {"aliasSub(alias(one,'99%'), \"(^.*$)\", \"\\1 A\")", "99% A"},
      {"exclude(server*, '1[12]$')", "server1 server2 Server3"},
      {"grep(server*, '^s.*1')", "server1 server11 server12"},
      {"sortByName(server*)", "Server3 server1 server11 server12 server2"},
      {"sortByName(server*, natural=true)", "Server3 server1 server2 server11 server12"},
      {"sortByName(server*, true, true)", "server12 server11 server2 server1 Server3"},
      {"highestAverage(web.*.cpu, 1)", "web.b.cpu"},
      {"highestAverage(group, 1)", ""},
      {"highestAverage(web.*.cpu, 9)", "web.b.cpu web.a.cpu"},
      {"highestAverage(web.*.cpu, -1)", "web.b.cpu"},
      {"highestAverage(web.*.cpu, 0)", ""},
      {"highestAverage(server*, 2)", "server1 server11"},
  }));
  CAPTURE(target);
  CHECK(Fixture().Names(target) == expected);
}

TEST_CASE("Functions tag what they did", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"one", "name=one;"},
      {"tagged", "rack=a1;dc=x;name=disk.used;"},
      {"alias(one,'x')", "name=one;"},
      {"scale(one, 2)", "name=one;scale=2.0;"},
      {"offset(one, 1.5)", "name=one;offset=1.5;"},
      {"sumSeries(web.*.cpu)", "name=sumSeries(web.*.cpu);aggregatedBy=sum;"},
      {"avg(one)", "name=one;aggregatedBy=average;"},
      {"sumSeries(tagged, one)", "name=sumSeries(tagged,one);aggregatedBy=sum;"},
      {"derivative(one)", "name=one;derivative=1;"},
      {"perSecond(one)", "name=one;perSecond=1;"},
      {"keepLastValue(one)", "name=one;"},
      {"summarize(one,'1min','avg')", "name=one;summarize=1min;summarizeFunction=avg;"},
      {"movingAverage(one,3)", "name=one;movingAverage=3;"},
      {"movingAverage(one,'30s')", "name=one;movingAverage=30s;"},
      {"timeShift(one,'1min')", "name=one;timeShift=-1min;"},
      {"constantLine(5)", "name=5.0;"},
      {"groupByNode(web.*.cpu,0,'max')", "name=maxSeries(web.*.cpu);aggregatedBy=max;"},
  }));
  CAPTURE(target);
  CHECK(Fixture().Tags(target) == expected);
}

TEST_CASE("xFilesFactor of the request decides about sparse rows and buckets", "[builtin]") {
  TestEvaluation test = Fixture();
  test.context.x_files_factor = 0.6;
  CHECK(test.Show("sumSeries(web.*.cpu)") == "sumSeries(web.*.cpu) 10+10: 11.0 - - 44.0 55.0 66.0");
  // The first bucket has one of two points, the second one of two, the last one of two.
  CHECK(test.Show("summarize(one,'20s')") == "summarize(one, \"20s\", \"sum\") 0+20: - - 7.0 -");
}

TEST_CASE("movingAverage reaches back before the range", "[builtin]") {
  TestEvaluation test;
  test.context.range = {100, 140};
  test.Add("t", "t", 10, [](int64_t time) { return static_cast<double>(time); });
  CHECK(test.Show("movingAverage(t, 3)") == "movingAverage(t,3) 110+10: 100.0 110.0 120.0 130.0");
  CHECK(test.rounds == 2);  // the step comes with the points
  CHECK(test.fetches == std::vector<Fetch>{{"t", {100, 140}, 3}});
  test.fetches.clear();
  CHECK(test.Show("movingAverage(t, '30s')") ==
        "movingAverage(t,\"30s\") 110+10: 100.0 110.0 120.0 130.0");
  CHECK(test.rounds == 2);
  CHECK(test.fetches == std::vector<Fetch>{{"t", {70, 140}}});
  CHECK(test.Show("movingAverage(t, '5s')") == "movingAverage(t,\"5s\") 105+10: - - - - -");
  CHECK(test.Show("movingAverage(t, 0)") == "movingAverage(t,0) 110+10: - - - -");
  CHECK(test.Show("movingAverage(nothing, 5)") == "");
  // The whole argument is evaluated in the widened range, pipes and templates included.
  CHECK(test.Show("template(t|scale($f)|movingAverage(3), f=2)") ==
        "movingAverage(scale(t,2),3) 110+10: 200.0 220.0 240.0 260.0");
  CHECK(test.Show("movingAverage(movingAverage(t,2),2)") ==
        "movingAverage(movingAverage(t,2),2) 110+10: 100.0 110.0 120.0 130.0");
}

TEST_CASE("movingAverage over points fetches again where the steps of its series differ",
          "[builtin]") {
  TestEvaluation test;
  test.context.range = {100, 140};
  const auto time_of = [](int64_t time) { return static_cast<double>(time); };
  test.Add("*", "fast", 10, time_of);
  test.Add("*", "slow", 20, time_of);
  // The window is two points of the slow one, four of the fast one.
  CHECK(test.Show("movingAverage(*, 2)") ==
        "movingAverage(fast,2) 110+10: 85.0 95.0 105.0 115.0 125.0 135.0\n"
        "movingAverage(slow,2) 120+20: 110.0 130.0");
  CHECK(test.rounds == 3);
  CHECK(test.fetches == std::vector<Fetch>{{"*", {100, 140}, 2}, {"*", {60, 140}}});
  // Of computed series they are known only then.
  test.fetches.clear();
  CHECK(test.Names("movingAverage(scale(*,2), 2)") ==
        "movingAverage(scale(fast,2),2) movingAverage(scale(slow,2),2)");
  CHECK(test.fetches == std::vector<Fetch>{{"*", {100, 140}}, {"*", {60, 140}}});
}

TEST_CASE("movingAverage skips nulls as far as xFilesFactor allows", "[builtin]") {
  TestEvaluation test;
  test.context.range = {100, 140};
  test.Add("t", "t", 10, [](int64_t time) { return time == 120 ? N : 1.0; });
  CHECK(test.Show("movingAverage(t, 2, 1)") == "movingAverage(t,2) 110+10: 1.0 - - 1.0");
  CHECK(test.Show("movingAverage(t, 1)") == "movingAverage(t,1) 110+10: 1.0 - 1.0 1.0");
}

TEST_CASE("movingAverage over long windows gives what plain addition gives", "[builtin]") {
  TestEvaluation test;
  test.context.range = {100'000, 101'000};
  test.Add("t", "t", 10, [](int64_t time) {
    return time % 70 == 0 ? N : static_cast<double>(time % 977) * 1e6 + 0.1;
  });
  const auto averages = test.Run("movingAverage(t, 100)");
  REQUIRE(averages.ok());
  const std::vector<double>& values = averages->front().values.get();
  REQUIRE(values.size() == 100);
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t last = 100'010 + static_cast<int64_t>(i) * 10;
    double sum = 0;
    int count = 0;
    for (int64_t time = last - 990; time <= last; time += 10) {
      if (time % 70 == 0) continue;
      sum += static_cast<double>(time % 977) * 1e6 + 0.1;
      ++count;
    }
    CHECK(values[i] == Approx(sum / count).epsilon(1e-14));
  }
}

TEST_CASE("movingAverage and movingSum over short windows give exactly what plain addition gives",
          "[builtin]") {
  // Long stretches without nulls, with some, and of nothing else.
  const auto value_at = [](int64_t time) {
    const bool is_null = time > 106'000 && (time % 70 == 0 || (time > 108'000 && time < 108'500));
    return is_null ? N : static_cast<double>(time % 977) * 1e6 + 0.1;
  };
  const int64_t points = GENERATE(1, 2, 7, 10, 64);
  TestEvaluation test;
  test.context.range = {100'000, 109'990};
  test.Add("t", "t", 10, value_at);
  const auto sums = test.Run("movingSum(t, " + std::to_string(points) + ")");
  const auto averages = test.Run("movingAverage(t, " + std::to_string(points) + ")");
  REQUIRE((sums.ok() && averages.ok()));
  REQUIRE(sums->front().values.size() == 999);
  for (size_t i = 0; i < sums->front().values.size(); ++i) {
    const int64_t last = 100'010 + static_cast<int64_t>(i) * 10;
    double sum = 0;
    int count = 0;
    for (int64_t time = last - (points - 1) * 10; time <= last; time += 10) {
      if (std::isnan(value_at(time))) continue;
      sum += value_at(time);
      ++count;
    }
    INFO(points << " points up to " << last);
    CHECK(std::isnan(sums->front().values[i]) == (count == 0));
    if (count == 0) continue;
    CHECK(sums->front().values[i] == sum);
    CHECK(averages->front().values[i] == sum / count);
  }
}

TEST_CASE("timeShift shows other times at those of the request", "[builtin]") {
  TestEvaluation test;
  test.context.range = {1000, 1030};
  test.Add("t", "t", 10, [](int64_t time) { return static_cast<double>(time); });
  CHECK(test.Show("timeShift(t, '100s')") == "timeShift(t, \"-100s\") 1010+10: 910.0 920.0 930.0");
  CHECK(test.rounds == 2);
  CHECK(test.fetches == std::vector<Fetch>{{"t", {1000, 1030}}, {"t", {900, 930}}});
  CHECK(test.Show("timeShift(t, '+100s')") ==
        "timeShift(t, \"+100s\") 1010+10: 1110.0 1120.0 1130.0");
  CHECK(test.Show("timeShift(scale(t,2), '-100s')") ==
        "timeShift(scale(t,2), \"-100s\") 1010+10: 1820.0 1840.0 1860.0");
  CHECK(test.Show("movingAverage(timeShift(t,'100s'),'20s')") ==
        "movingAverage(timeShift(t, \"-100s\"),\"20s\") 1010+10: 905.0 915.0 925.0");
  CHECK(test.Show("timeShift(nothing, '1d')") == "");
  // Only the name changes: an outer aggregate shows the path.
  CHECK(test.Names("sumSeries(timeShift(t,'100s'))") == "sumSeries(t)");
}

TEST_CASE("timeShift can keep the end of its data and follow summer time", "[builtin]") {
  TestEvaluation test;
  test.context.range = {1000, 1030};
  test.Add("t", "t", 10, [](int64_t time) { return static_cast<double>(time); });
  const auto shifted = test.Run("timeShift(t, '95s', false)");
  REQUIRE(shifted.ok());
  CHECK(shifted->front().end == 1040);
  absl::TimeZone berlin;
  if (!absl::LoadTimeZone("Europe/Berlin", &berlin)) return;  // no zone files here
  test.context.zone = berlin;
  test.context.range = {1711965600, 1711969200};  // 2024-04-01, summer time since a day
  test.fetches.clear();
  REQUIRE(test.Run("timeShift(t, '7d', alignDst=true)").ok());
  CHECK(test.fetches[1].range ==
        TimeRange{1711965600 - 7 * 86400 + 3600, 1711969200 - 7 * 86400 + 3600});
}

TEST_CASE("smartSummarize and hitcount begin with days of the request's zone", "[builtin]") {
  TestEvaluation test;
  if (!absl::LoadTimeZone("Europe/Berlin", &test.context.zone)) return;  // no zone files here
  constexpr int64_t kMidnight = 1711839600;  // 2024-03-31, which has 23 hours
  test.context.range = {kMidnight + 7200, kMidnight + 82800 + 3600};
  test.Add("t", "t", 3600, [](int64_t) { return 1.0; });
  REQUIRE(test.Run("smartSummarize(t, '1h', 'sum', 'days')").ok());
  CHECK(test.fetches.back().range.from == kMidnight);
  REQUIRE(test.Run("smartSummarize(t, '1h', 'sum', 'weeks')").ok());
  CHECK(test.fetches.back().range.from == kMidnight - 6 * 86400);  // Monday, winter time too
  REQUIRE(test.Run("smartSummarize(t, '1h', 'sum', 'weeks7')").ok());
  CHECK(test.fetches.back().range.from == kMidnight);
  REQUIRE(test.Run("smartSummarize(t, '1h', 'sum', 'months')").ok());
  CHECK(test.fetches.back().range.from == kMidnight - 30 * 86400);
  REQUIRE(test.Run("hitcount(t, '1d', true)").ok());
  CHECK(test.fetches.back().range.from == kMidnight);
}

TEST_CASE("Functions of carbonapi alone", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"median(web.*.cpu)", "medianSeries(web.*.cpu) 10+10: 5.5 2.0 - 22.0 27.5 33.0"},
      {"firstSeries(gaps, one)", "firstSeries(gaps,one) 10+10: 1.0 1.0 - 4.0 2.0 6.0"},
      {"countValues(web.*.cpu, 1)", "valuesLimitReached 10+10: 0.0 0.0 0.0 0.0 0.0 0.0"},
      {"integralWithReset(one, gaps)", "integralWithReset(one,gaps) 10+10: 1.0 0.0 - 4.0 0.0 6.0"},
      {"scaleAfterTimestamp(one, 10, 40)", "scale(one,10,40) 10+10: 1.0 2.0 - 40.0 30.0 60.0"},
      {"ewma(one, 0.5)", "ewma(one,0.5) 10+10: 1.0 1.5 - 2.75 2.875 4.4375"},
      {"heatMap(web.*.cpu)", "heatMap(web.b.cpu,web.a.cpu) 10+10: 9.0 - - 36.0 45.0 54.0"},
      {"polyfit(constantLine(3))", "polyfit(3.0) 0+30: 3.0 3.0 3.0"},
      {"lowPass(one, 50)", "lowPass(one,50) 10+10: 1.0 - - - - 6.0"},
      {"slo(one, '30s', 'above', 2)", "slo(one, 30s, above, 2) 10+30: 0.0 1.0"},
      {"powSeriesLists(one, one)", "powSeries(one,one) 10+10: 1.0 4.0 - 256.0 27.0 46656.0"},
      {"removeZeroSeries(scale(one,0), 0)", ""},
      {"join(web.*.cpu, web.*.cpu, 'sub')", ""},
      {"pearsonClosest(one, group(scale(one,-1), one), 1, 'pos')",
       "one 10+10: 1.0 2.0 - 4.0 3.0 6.0"},
      {"pearson(one, scale(one,-2), 2)",
       "pearson(one,scale(one,-2),2) 10+10: - -1.0 - - -1.0 -1.0"},
      {"ksTest2(one, scale(one,100), 2)",
       "kolmogorovSmirnovTest2(one,scale(one,100),2) 10+10: - - 1.0 1.0 1.0 1.0"},
  }));
  CAPTURE(target);
  CHECK(Fixture().Show(target) == expected);
}

TEST_CASE("ifft gives back what fft took apart", "[builtin]") {
  TestEvaluation test;
  test.Add("wave", "wave", 1,
           [](int64_t time) { return 10 + std::sin(static_cast<double>(time)); });
  for (const int64_t until : {7, 60, 64}) {  // sizes that are prime, even, and a power of two
    test.context.range = {0, until};
    const auto wave = test.Run("wave");
    const auto back = test.Run("ifft(fft(wave,'abs'),fft(wave,'phase'))");
    REQUIRE(back.ok());
    CHECK(back->front().name == "ifft(fft(wave,abs),fft(wave,phase))");
    REQUIRE(back->front().values.size() == wave->front().values.size());
    for (size_t i = 0; i < back->front().values.size(); ++i) {
      CHECK(back->front().values[i] == Approx(wave->front().values[i]));
    }
  }
}

TEST_CASE("Wrong arguments are refused and named", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"nosuch(a)", "unknown function nosuch() at position 0; /functions lists the known ones"},
      {"scale(one)",
       "scale() needs the parameter \"factor\" (a number); it takes seriesList, factor, at "
       "position 0"},
      {"scale(one, b.c)",
       "scale() needs a number as its parameter \"factor\", not the path b.c, at position 11"},
      {"scale(one, 'x')",
       "scale() needs a number as its parameter \"factor\", not the string \"x\", at position 11"},
      {"scale(one, true)",
       "scale() needs a number as its parameter \"factor\", not true, at position 11"},
      {"scale('one', 2)",
       "scale() needs a path or a function call as its parameter \"seriesList\", not the string "
       "\"one\", at position 6"},
      {"scale(one, 2, 3)",
       "scale() takes seriesList, factor, not as many as 3 arguments, at position 14"},
      {"scale(one, factor=2, factor=3)",
       "scale() is given the parameter \"factor\" twice, at position 28"},
      {"scale(one, 2, by=3)",
       "scale() has no parameter \"by\"; it takes seriesList, factor, at position 14"},
      {"alias(one, two)",
       "alias() needs a string in quotes as its parameter \"newName\", not the path two, at "
       "position 11"},
      {"highestAverage(one, 1.5)",
       "highestAverage() needs an integer as its parameter \"n\", not the number 1.5, at position "
       "20"},
      {"keepLastValue(one, 'x')",
       "keepLastValue() needs an integer or inf as its parameter \"limit\", not the string \"x\", "
       "at position 19"},
      {"sortByName(one, 2)",
       "sortByName() needs true or false as its parameter \"natural\", not the number 2, at "
       "position 16"},
      {"sumSeries()",
       "sumSeries() needs the parameter \"seriesLists\" (a path or a function call); it takes "
       "seriesLists..., at position 0"},
  }));
  CAPTURE(target);
  CHECK(Fixture().Show(target) == expected);
}

TEST_CASE("Wrong values inside arguments are refused with what is allowed", "[builtin]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"summarize(one, '5q')", "parameter \"intervalString\": time offset \"5q\": use digits"},
      {"summarize(one, '-5min')", "interval \"-5min\" must be at least 1s"},
      {"summarize(one, '1h', 'mode')", "unknown aggregation \"mode\"; use one of average, avg"},
      {"groupByNode(one, 1, 'alias')", "unknown aggregation \"alias\""},
      {"movingAverage(one, -3)", "windowSize is -3, not 0 to"},
      {"movingAverage(one, '3')", "time offset \"3\""},
      {"timeShift(one, 'x')", "time offset \"x\""},
      {"grep(one, '(')", "grep(): regular expression \"(\""},
      {"aliasSub(one, 'a', '\\2')", "aliasSub(): the replacement names group \"2\""},
  }));
  CAPTURE(target);
  CHECK_THAT(Fixture().Show(target), Catch::Contains(expected));
}

}  // namespace
}  // namespace plumbago::functions

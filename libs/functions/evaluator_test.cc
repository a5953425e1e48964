// Fetches are asked for by need, together and once; limits end what grows without bound; the
// catalog is the table in JSON.
#include "functions/evaluator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "functions/catalog.h"
#include "functions/parser.h"
#include "functions/testing/evaluation.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

TEST_CASE("One pass collects all distinct fetches of a target", "[evaluator]") {
  TestEvaluation test;
  test.context.range = {100, 160};
  REQUIRE(test.Run("sumSeries(a.*, scale(b,2), a.*, timeShift(b,'10s'))").ok());
  CHECK(test.rounds == 2);
  CHECK(test.fetches ==
        std::vector<Fetch>{{"a.*", {100, 160}}, {"b", {100, 160}}, {"b", {90, 150}}});
}

// How many calls were answered by the results of equal ones, and what the targets give together.
std::pair<uint64_t, std::string> Shared(const std::vector<std::string>& targets) {
  const FunctionTable table = MakeBuiltinFunctions();
  const EvaluationContext context{.range = {0, 60}};
  std::vector<Expression> expressions;
  for (const std::string& target : targets) expressions.push_back(*ParseTarget(target));
  std::vector<const Expression*> pointers;
  for (const Expression& expression : expressions) pointers.push_back(&expression);
  SharedResults shared(pointers);
  FetchedData data;
  std::string text;
  for (const Expression& expression : expressions) {
    for (Evaluated evaluated; text.size() < 1000;) {
      evaluated = *Evaluate(table, context, data, expression, &shared);
      for (const Fetch& fetch : evaluated.missing.fetches) {
        std::vector<double> values;
        for (int64_t time = fetch.range.from; time < fetch.range.until; time += 20) {
          values.push_back(static_cast<double>(time));
        }
        data.Add(fetch, {MakeSeries(fetch.pattern, fetch.range.from, fetch.range.until, 20,
                                    std::move(values))});
      }
      if (!evaluated.missing.empty()) continue;
      for (const Series& series : evaluated.series) {
        text += series.name + ":";
        for (const double value : series.values) text += " " + PythonFloat(value);
        text += "\n";
      }
      break;
    }
  }
  return {shared.hit_count(), text};
}

TEST_CASE("Equal calls are evaluated once, whatever their blanks and quotes", "[evaluator]") {
  const auto [hits, text] =
      Shared({"aliasSub(scale(a, 2), '(^.*$)', '\\1 A')",
              "aliasSub( scale(a,2),\"(^.*$)\",\"\\1 B\")", "offset(scale(a,2),1)"});
  CHECK(hits == 2);
  CHECK(text ==
        "scale(a,2) A: 0.0 40.0 80.0\nscale(a,2) B: 0.0 40.0 80.0\noffset(scale(a,2),1): 1.0 41.0 "
        "81.0\n");
}

TEST_CASE("Equal calls in other ranges or after setXFilesFactor are evaluated anew",
          "[evaluator]") {
  CHECK(Shared({"scale(a,2)", "timeShift(scale(a,2),'20s')"}).second ==
        Shared({"scale(a,2)"}).second + Shared({"timeShift(scale(a,2),'20s')"}).second);
  CHECK(Shared({"group(scale(a,2), setXFilesFactor(b,0.5), scale(a,2))"}).first == 0);
  CHECK(Shared({"setXFilesFactor(a,0.5)", "setXFilesFactor(a,0.5)"}).first == 0);
  CHECK(Shared({"scale(a,2)", "scale(a,2.0)", "scale(b,2)"}).first == 0);
  CHECK(Shared({"group(scale(a,2), scale(a,2))"}).first == 1);
}

TEST_CASE("Errors are found before anything is fetched", "[evaluator]") {
  TestEvaluation test;
  CHECK_FALSE(test.Run("sumSeries(a.*, scale(b,'x'))").ok());
  CHECK(test.fetches.empty());
}

TEST_CASE("A target that is only a value is refused", "[evaluator]") {
  TestEvaluation test;
  CHECK(test.Show("template($v, v='x')") ==
        "a target is a path or a function call, not the string \"x\", at position 9");
}

TEST_CASE("Nested ranges stop at the limit of calls", "[evaluator]") {
  TestEvaluation test;
  std::string target = "a";
  for (int i = 0; i < 30; ++i) target = "timeShift(" + target + ",'1s')";
  CHECK_THAT(test.Show(target), Catch::Contains("more than 10000 function calls"));
}

TEST_CASE("Points that functions create are limited", "[evaluator]") {
  TestEvaluation test;
  test.context.range = {0, 86400};
  test.context.points_max = 1000;
  test.Add("a", "a", 3600, [](int64_t) { return 1.0; });
  CHECK(test.Run("summarize(a,'2min')").ok());
  CHECK_THAT(test.Show("summarize(a,'1min')"), Catch::Contains("--points-per-query-max"));
  CHECK_THAT(test.Show("sumSeries(summarize(a,'2min'),summarize(a,'2min'))"),
             Catch::Contains("more than 1000 points"));
}

TEST_CASE("An evaluation that is no longer wanted ends", "[evaluator]") {
  TestEvaluation test;
  test.context.check_alive = [] { return absl::DeadlineExceededError("too late"); };
  CHECK(test.Show("scale(a,2)") == "too late");
}

// The library refuses 1e9999, which is legal JSON and infinity to most readers.
nlohmann::json Parsed(std::string json) {
  for (size_t at = json.find("1e9999"); at != std::string::npos; at = json.find("1e9999")) {
    json.replace(at, 6, "0");
  }
  return nlohmann::json::parse(json);
}

TEST_CASE("The catalog is valid JSON with graphite-web's fields", "[evaluator]") {
  const FunctionTable table = MakeBuiltinFunctions();
  const auto json = Parsed(CatalogJson(table, {}));
  CHECK(json.size() == 211);
  const auto& moving = json["movingAverage"];
  CHECK(moving["function"] == "movingAverage(seriesList, windowSize, xFilesFactor=None)");
  CHECK(moving["group"] == "Calculate");
  CHECK(moving["params"][0] ==
        nlohmann::json::parse(R"({"name":"seriesList","type":"seriesList","required":true})"));
  CHECK(moving["params"][1]["type"] == "intOrInterval");
  CHECK(moving["params"][1]["suggestions"].size() == 8);
  CHECK(json["sum"]["function"] == "sum(*seriesLists)");
  CHECK(json["sum"]["params"][0]["multiple"] == true);
  CHECK(json["groupByNode"]["params"][2]["default"] == "average");
  CHECK(json["groupByNode"]["params"][2]["options"].size() == 41);
  CHECK(json["summarize"]["params"][3]["default"] == false);
  CHECK(json["aliasByNode"]["params"][1]["type"] == "nodeOrTag");
  CHECK(CatalogJson(table, {}).find("\"default\":1e9999") != std::string::npos);
}

TEST_CASE("The catalog can be grouped and filtered", "[evaluator]") {
  const FunctionTable table = MakeBuiltinFunctions();
  const auto grouped = Parsed(CatalogJson(table, {.is_grouped = true}));
  CHECK(grouped["Alias"].size() == 13);
  const auto alias = Parsed(CatalogJson(table, {.group = "Alias"}));
  CHECK(alias.size() == 13);
  CHECK(alias.contains("aliasSub"));
  CHECK(CatalogJson(table, {.group = "None"}) == "{}");
  CHECK_THAT(CatalogMarkdown(table), Catch::Contains("| `scale(seriesList, factor)` |"));
}

}  // namespace
}  // namespace plumbago::functions

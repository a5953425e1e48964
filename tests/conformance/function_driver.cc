// Evaluates targets given line by line on standard input as JSON, one JSON answer line each, for
// function_conformance_test.py. Nulls are null, and doubles are printed to the last bit.
//
//   {"series": [{"name", "start", "step", "values"}]}      {"functions": [name...], "catalog":
//   {...}}
//   {"target", "from", "until", "now", "zone", "xFilesFactor"?}
//       {"series": [{"name", "start", "end", "step", "tags", "values"}]} | {"error": message}
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "functions/binding.h"
#include "functions/catalog.h"
#include "functions/evaluator.h"
#include "functions/parser.h"
#include "functions/testing/answer_fetch.h"
#include "metric/glob.h"
#include "nlohmann/json.hpp"

namespace plumbago::functions {
namespace {

using nlohmann::json;

class Driver {
 public:
  json Run(const json& request) {
    if (request.contains("series")) return Load(request["series"]);
    absl::StatusOr<SeriesList> list = Evaluated(request);
    if (!list.ok()) return {{"error", std::string(list.status().message())}};
    json answer = {{"series", json::array()}};
    for (const Series& series : *list) answer["series"].push_back(ToJson(series));
    return answer;
  }

 private:
  json Load(const json& list) {
    stored_.clear();
    for (const json& item : list) {
      std::vector<double> values;
      for (const json& value : item["values"]) {
        values.push_back(value.is_null() ? kNull : value.get<double>());
      }
      const int64_t start = item["start"];
      const int64_t step = item["step"];
      const int64_t end = start + step * static_cast<int64_t>(values.size());
      stored_.push_back(MakeSeries(item["name"], start, end, step, std::move(values)));
    }
    json names = json::array();
    for (const auto& [name, definition] : table_.by_name()) names.push_back(name);
    // Python's JSON reads a number that is too large, nlohmann's does not.
    std::string catalog = CatalogJson(table_, {});
    absl::StrReplaceAll({{":1e9999", ":null"}}, &catalog);
    return {{"functions", names}, {"catalog", json::parse(catalog)}};
  }

  absl::StatusOr<SeriesList> Evaluated(const json& request) {
    EvaluationContext context;
    context.range = {request["from"], request["until"]};
    context.now = request["now"];
    if (!absl::LoadTimeZone(request["zone"].get<std::string>(), &context.zone)) {
      return absl::InvalidArgumentError("unknown time zone");
    }
    if (request.contains("xFilesFactor")) context.x_files_factor = request["xFilesFactor"];
    PLUMBAGO_ASSIGN_OR_RETURN(const Expression expression,
                              ParseTarget(request["target"].get<std::string>()));
    PLUMBAGO_RETURN_IF_ERROR(CheckCalls(table_, expression));
    FetchedData data;
    while (true) {
      PLUMBAGO_ASSIGN_OR_RETURN(auto evaluated, Evaluate(table_, context, data, expression));
      if (evaluated.missing.empty()) return std::move(evaluated.series);
      for (const Fetch& fetch : evaluated.missing.fetches) {
        const auto read = [&](const Fetch& asked) { return Fetched(asked, context); };
        PLUMBAGO_RETURN_IF_ERROR(AnswerFetch(fetch, read, data));
      }
    }
  }

  absl::StatusOr<SeriesList> Fetched(const Fetch& fetch, const EvaluationContext& context) const {
    const bool is_by_tag = absl::StartsWith(fetch.pattern, "seriesByTag(");
    std::vector<metric::Glob> globs;
    if (!is_by_tag) {
      PLUMBAGO_ASSIGN_OR_RETURN(globs, metric::CompilePath(fetch.pattern));
    }
    SeriesList list;
    for (const Series& series : stored_) {
      const std::string path = series.name.substr(0, series.name.find(';'));
      const bool is_found =
          is_by_tag ? HasTags(fetch.pattern, series) : metric::MatchesPath(globs, path);
      if (is_found) list.push_back(Cut(series, fetch, context));
    }
    return list;
  }

  // Only expressions of the form 'tag=value'.
  static bool HasTags(const std::string& call, const Series& series) {
    const std::vector<std::string> parts = absl::StrSplit(call, '\'');
    for (size_t i = 1; i < parts.size(); i += 2) {
      const std::pair<std::string, std::string> tag =
          absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
      const std::string* value = series.tags.Find(tag.first);
      if (value == nullptr || *value != tag.second) return false;
    }
    return true;
  }

  // As whisper answers: points with from < time <= until.
  static Series Cut(const Series& series, const Fetch& fetch, const EvaluationContext& context) {
    const auto floor = [&](int64_t time) { return time - time % series.step; };
    const int64_t start = floor(fetch.range.from) + series.step;
    const int64_t end = floor(fetch.range.until) + series.step;
    std::vector<double> values;
    for (int64_t time = start; time < end; time += series.step) {
      const int64_t index = (time - series.start) / series.step;
      const bool is_stored = time >= series.start && time < series.end;
      values.push_back(is_stored ? series.values[static_cast<size_t>(index)] : kNull);
    }
    Series cut = MakeSeries(series.name, start, end, series.step, std::move(values));
    cut.path_expression = fetch.pattern;
    cut.x_files_factor = context.x_files_factor.value_or(0);
    return cut;
  }

  static json ToJson(const Series& series) {
    json values = json::array();
    for (const double value : series.values) {
      if (std::isnan(value)) {
        values.push_back(nullptr);
      } else if (std::isinf(value)) {
        values.push_back(value > 0 ? "inf" : "-inf");
      } else {
        values.push_back(value);
      }
    }
    json tags = json::object();
    for (const auto& [key, value] : series.tags.entries()) tags[key] = value;
    return {{"name", series.name}, {"start", series.start}, {"end", series.end},
            {"step", series.step}, {"tags", tags},          {"values", values}};
  }

  std::vector<Series> stored_;
  const FunctionTable table_ = MakeBuiltinFunctions();
};

}  // namespace
}  // namespace plumbago::functions

int main() {
  plumbago::functions::Driver driver;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << driver.Run(nlohmann::json::parse(line))
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  }
}

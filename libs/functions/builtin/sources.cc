// Functions that make series: constantLine, threshold, verticalLine, timeFunction, sinFunction,
// identity, randomWalkFunction, events and seriesByTag.
#include <algorithm>
#include <cmath>
#include <random>

#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/lines.h"
#include "functions/text.h"

namespace plumbago::functions {

Series ConstantLineOf(const Call& call, double value) {
  const TimeRange& range = call.range();
  const int64_t step = std::max<int64_t>((range.until - range.from) / 2, 1);
  Series line =
      MakeSeries(PythonFloat(value), range.from, range.until, step, std::vector<double>(3, value));
  line.path_expression = absl::StrCat("constantLine(", line.name, ")");
  line.x_files_factor = call.context().x_files_factor.value_or(0);
  return line;
}

namespace {

constexpr int64_t kStepMax = int64_t{1} << 32;

absl::StatusOr<SeriesList> EvaluateConstantLine(Call& call) {
  return SeriesList{ConstantLineOf(call, call.arguments().Float("value"))};
}

absl::StatusOr<SeriesList> EvaluateThreshold(Call& call) {
  const Arguments& arguments = call.arguments();
  Series line = ConstantLineOf(call, arguments.Float("value"));
  if (arguments.IsGiven("label") && !arguments.String("label").empty()) {
    line.name = arguments.String("label");
  }
  if (arguments.IsGiven("color")) line.options.Set("color", arguments.String("color"));
  return SeriesList{std::move(line)};
}

absl::StatusOr<SeriesList> EvaluateVerticalLine(Call& call) {
  const Arguments& arguments = call.arguments();
  const TimeRange& range = call.range();
  PLUMBAGO_ASSIGN_OR_RETURN(
      const int64_t time,
      ParseAtTime(arguments.String("ts"), call.context().now, call.context().zone));
  if (time < range.from || time > range.until) {
    return Refused(call, "timestamp ", time, " exists ",
                   time < range.from ? "before start of range" : "after end of range");
  }
  const std::string label = arguments.IsGiven("label") ? arguments.String("label") : "";
  Series line = MakeSeries(label, time, time, 1, std::vector<double>{1, 1});
  line.options.Set("drawAsInfinite", "1");
  if (arguments.IsGiven("color")) line.options.Set("color", arguments.String("color"));
  return SeriesList{std::move(line)};
}

// A value every `step` seconds of the request, value_at(time).
template <typename ValueAt>
absl::StatusOr<SeriesList> Generated(Call& call, int64_t step, ValueAt value_at) {
  const TimeRange& range = call.range();
  if (step < 1) return Refused(call, "step is ", step, ", not at least 1");
  if (step > kStepMax) return Refused(call, "step is ", step, ", more than ", kStepMax);
  PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints((range.until - range.from) / step + 1));
  std::vector<double> values;
  for (int64_t time = range.from; time < range.until; time += step) {
    values.push_back(value_at(time));
  }
  Series series =
      MakeSeries(call.arguments().String("name"), range.from, range.until, step, std::move(values));
  series.x_files_factor = call.context().x_files_factor.value_or(0);
  return SeriesList{std::move(series)};
}

absl::StatusOr<SeriesList> EvaluateTime(Call& call) {
  return Generated(call, call.arguments().Integer("step"),
                   [](int64_t time) { return static_cast<double>(time); });
}

absl::StatusOr<SeriesList> EvaluateSin(Call& call) {
  const auto amplitude = static_cast<double>(call.arguments().Integer("amplitude"));
  return Generated(call, call.arguments().Integer("step"),
                   [&](int64_t time) { return std::sin(static_cast<double>(time)) * amplitude; });
}

absl::StatusOr<SeriesList> EvaluateIdentity(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(
      SeriesList list, Generated(call, 60, [](int64_t time) { return static_cast<double>(time); }));
  list[0].path_expression = absl::StrCat("identity(\"", list[0].name, "\")");
  list[0].has_integer_values = true;
  return list;
}

// The same walk for the same name and range: answers of one request do not differ between rounds.
absl::StatusOr<SeriesList> EvaluateRandomWalk(Call& call) {
  uint64_t seed = static_cast<uint64_t>(call.range().from);
  for (const char c : call.arguments().String("name")) {
    seed = seed * 1099511628211U + static_cast<unsigned char>(c);
  }
  std::mt19937_64 random(seed);
  double current = 0;
  return Generated(call, call.arguments().Integer("step"), [&](int64_t) {
    const double value = current;
    current += static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
    return value;
  });
}

// Whoever fetches the call itself has the events.
absl::StatusOr<SeriesList> EvaluateEvents(Call& call) {
  const TimeRange& range = call.range();
  PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(range.until - range.from));
  std::string name = "events(";
  for (const Value& tag : call.arguments().Repeated("tags")) {
    absl::StrAppend(&name, name.back() == '(' ? "\"" : ", \"", std::get<std::string>(tag), "\"");
  }
  name += ')';
  SeriesList list = call.Fetched(call.source());
  for (Series& series : list) {
    series.RenameTo(name);
    series.tags = MakeSeries(name, 0, 0, 1, std::vector<double>()).tags;
  }
  return list;
}

absl::StatusOr<SeriesList> EvaluateSeriesByTag(Call& call) { return call.Fetched(call.source()); }

}  // namespace

std::vector<FunctionDefinition> SourceFunctions() {
  const Parameter name = Required("name", ParameterType::kString);
  const Parameter value = Required("value", ParameterType::kFloat);
  const Parameter step = Optional("step", ParameterType::kInteger, int64_t{60});
  const Parameter label = Optional("label", ParameterType::kString);
  const Parameter color = Optional("color", ParameterType::kString);
  return {
      {.name = "constantLine",
       .group = "Special",
       .description = "A horizontal line at value.",
       .parameters = {value},
       .evaluate = EvaluateConstantLine},
      {.name = "threshold",
       .group = "Graph",
       .description = "A horizontal line at value, with a label and a colour.",
       .parameters = {value, label, color},
       .evaluate = EvaluateThreshold},
      {.name = "verticalLine",
       .group = "Graph",
       .description = "A vertical line at a time of the range, with a label and a colour.",
       .parameters = {Required("ts", ParameterType::kDate), label, color},
       .evaluate = EvaluateVerticalLine},
      {.name = "timeFunction",
       .aliases = {"time"},
       .group = "Transform",
       .description = "The time itself, in seconds since 1970, every step seconds.",
       .parameters = {name, step},
       .evaluate = EvaluateTime},
      {.name = "sinFunction",
       .aliases = {"sin"},
       .group = "Transform",
       .description = "amplitude times the sine of the time in seconds.",
       .parameters = {name, Optional("amplitude", ParameterType::kInteger, int64_t{1}), step},
       .evaluate = EvaluateSin},
      {.name = "identity",
       .group = "Calculate",
       .description = "The time itself, in seconds since 1970, every minute.",
       .parameters = {name},
       .evaluate = EvaluateIdentity},
      {.name = "randomWalkFunction",
       .aliases = {"randomWalk"},
       .group = "Special",
       .description = "A random walk from 0, for trying things out.",
       .parameters = {name, step},
       .evaluate = EvaluateRandomWalk},
      {.name = "events",
       .group = "Special",
       .description = "How many events with all of the tags there are in each second; '*' for all "
                      "events.",
       .parameters = {Repeated("tags", ParameterType::kString)},
       .evaluate = EvaluateEvents},
      {.name = "seriesByTag",
       .group = "Special",
       .description = "The series whose tags match all expressions: 'tag=value', 'tag!=value', "
                      "'tag=~regex' or 'tag!=~regex'.",
       .parameters = {Repeated("tagExpressions", ParameterType::kString)},
       .evaluate = EvaluateSeriesByTag},
  };
}

}  // namespace plumbago::functions

// How series are drawn and thinned out: alpha, color, lineWidth, dashed, drawAsInfinite,
// secondYAxis, stacked, areaBetween, consolidateBy, cumulative and setXFilesFactor.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

constexpr char kDefaultStack[] = "__DEFAULT__";

absl::StatusOr<SeriesList> EvaluateNumber(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const double value = call.arguments().Float(definition.parameters[1].name);
  for (Series& series : call.series()) series.options.Set(definition.name, PythonFloat(value));
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateColor(Call& call) {
  for (Series& series : call.series()) {
    series.options.Set("color", call.arguments().String("theColor"));
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateDashed(Call& call) {
  const int64_t length = call.arguments().Integer("dashLength");
  for (Series& series : call.series()) {
    series.tags.Set("dashed", absl::StrCat(length));
    series.options.Set("dashed", absl::StrCat(length));
    series.name = absl::StrFormat("dashed(%s, %g)", series.name, length);
  }
  return std::move(call.series());
}

// drawAsInfinite and secondYAxis.
absl::StatusOr<SeriesList> EvaluateSwitch(Call& call) {
  const std::string& name = call.arguments().definition().name;
  for (Series& series : call.series()) {
    series.tags.Set(name, "1");
    series.options.Set(name, "1");
    series.name = absl::StrCat(name, "(", series.name, ")");
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateStacked(Call& call) {
  const bool is_named = call.arguments().IsGiven("stack");
  const std::string stack = is_named ? call.arguments().String("stack") : kDefaultStack;
  std::vector<double> totals;
  for (Series& series : call.series()) {
    totals.resize(std::max(totals.size(), series.values.size()), 0);
    size_t i = 0;
    TransformValues(series, [&](double value) {
      double& total = totals[i++];
      if (std::isnan(value)) return value;
      return total += value;
    });
    series.options.Set("stacked", "1");
    if (stack == kDefaultStack) {
      series.tags.Set("stacked", stack);
      series.name = absl::StrCat("stacked(", series.name, ")");
    }
    series.path_expression = series.name;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateAreaBetween(Call& call) {
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  if (list.size() != 2) {
    return Refused(call, "seriesList is ", list.size(), " series, not exactly two");
  }
  list[0].options.Set("invisible", "1");
  list[1].tags.Set("areaBetween", "1");
  list[0].tags = list[1].tags;
  for (Series& series : list) {
    series.options.Set("stacked", "1");
    series.name = absl::StrCat("areaBetween(", list[1].path_expression, ")");
  }
  return std::move(list);
}

absl::StatusOr<SeriesList> EvaluateConsolidateBy(Call& call) {
  const bool is_cumulative = call.arguments().definition().name == "cumulative";
  const std::string word = is_cumulative ? "sum" : call.arguments().String("consolidationFunc");
  Consolidation consolidation = Consolidation::kAverage;
  if (!ParseConsolidation(word, &consolidation)) {
    return Refused(call, "consolidationFunc is \"", base::Excerpt(word),
                   "\"; use average, avg_zero, sum, min, max, first or last");
  }
  for (Series& series : call.series()) {
    series.consolidation = consolidation;
    series.tags.Set("consolidateBy", word);
    series.RenameTo(absl::StrCat("consolidateBy(", series.name, ",\"", word, "\")"));
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateXFilesFactor(Call& call) {
  const double share = call.arguments().Float("xFilesFactor");
  call.SetXFilesFactor(share);
  for (Series& series : call.series()) {
    series.x_files_factor = share;
    series.tags.Set("xFilesFactor", PythonFloat(share));
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> DrawFunctions() {
  Parameter consolidation = Required("consolidationFunc", ParameterType::kString);
  for (const char* word : {"average", "avg_zero", "sum", "min", "max", "first", "last"}) {
    consolidation.suggestions.push_back(std::string(word));
  }
  FunctionDefinition share = SeriesFunction(
      "setXFilesFactor", "Special",
      "The share of values that a point needs when several become one, here and in the functions "
      "around.",
      {Required("xFilesFactor", ParameterType::kFloat)}, EvaluateXFilesFactor);
  share.aliases = {"xFilesFactor"};
  return {
      SeriesFunction("alpha", "Graph", "Draws the series that transparent, 0 to 1.",
                     {Required("alpha", ParameterType::kFloat)}, EvaluateNumber),
      SeriesFunction("lineWidth", "Graph", "Draws the series with lines that wide.",
                     {Required("width", ParameterType::kFloat)}, EvaluateNumber),
      SeriesFunction("color", "Graph", "Draws the series in that colour.",
                     {Required("theColor", ParameterType::kString)}, EvaluateColor),
      SeriesFunction("dashed", "Graph", "Draws the series with dashes that long.",
                     {Optional("dashLength", ParameterType::kInteger, int64_t{5})}, EvaluateDashed),
      SeriesFunction("drawAsInfinite", "Graph", "Draws a vertical line at every value but 0.", {},
                     EvaluateSwitch),
      SeriesFunction("secondYAxis", "Graph",
                     "Draws the series by an axis of its own, on the right.", {}, EvaluateSwitch),
      SeriesFunction("stacked", "Graph", "Stacks the series on top of each other.",
                     {Optional("stack", ParameterType::kString)}, EvaluateStacked),
      SeriesFunction("areaBetween", "Graph", "Draws the area between two series.", {},
                     EvaluateAreaBetween),
      SeriesFunction("consolidateBy", "Special",
                     "How several points become one where there are more than can be shown.",
                     {consolidation}, EvaluateConsolidateBy),
      SeriesFunction("cumulative", "Special", "As consolidateBy(seriesList, \"sum\").", {},
                     EvaluateConsolidateBy),
      share,
  };
}

}  // namespace plumbago::functions

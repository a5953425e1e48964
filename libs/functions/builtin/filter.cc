// Functions that keep some of the series: filterSeries and its forms, highest..., lowest..., limit,
// mostDeviant, removeEmptySeries, removeZeroSeries, unique, grep, exclude, useSeriesAbove and
// fallbackSeries.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/ranking.h"
#include "functions/builtin/regex.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

// Python's comparison, in which graphite-web's null is neither equal to nor above any number.
absl::StatusOr<bool (*)(double value, double limit)> OperatorOf(absl::string_view text) {
  using Operator = bool (*)(double value, double limit);
  static constexpr std::pair<const char*, Operator> kOperators[] = {
      {"=", [](double value, double limit) { return value == limit; }},
      {"!=", [](double value, double limit) { return value != limit; }},
      {">", [](double value, double limit) { return value > limit; }},
      {">=", [](double value, double limit) { return value >= limit; }},
      {"<", [](double value, double limit) { return !(value >= limit); }},
      {"<=", [](double value, double limit) { return !(value > limit); }}};
  for (const auto& [word, compare] : kOperators) {
    if (text == word) return compare;
  }
  return absl::InvalidArgumentError(absl::StrCat("filterSeries(): unsupported operator \"",
                                                 base::Excerpt(text),
                                                 "\"; use =, !=, >, >=, < or <="));
}

absl::StatusOr<SeriesList> Filtered(Call& call, absl::string_view function,
                                    absl::string_view compare, double limit) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(function));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto is_kept, OperatorOf(compare));
  std::erase_if(call.series(), [&](const Series& series) {
    return !is_kept(Aggregate(aggregation, series.values.get()), limit);
  });
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateFilter(Call& call) {
  const Arguments& arguments = call.arguments();
  return Filtered(call, arguments.String("func"), arguments.String("operator"),
                  arguments.Float("threshold"));
}

absl::StatusOr<SeriesList> EvaluateAboveOrBelow(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const bool is_above = absl::EndsWith(definition.name, "Above");
  return Filtered(call, definition.variant, is_above ? ">" : "<=", call.arguments().Float("n"));
}

// As Python's list[:n]: a negative n leaves out as many from the end.
void KeepFirst(int64_t n, SeriesList& list) {
  const auto count = static_cast<int64_t>(list.size());
  list.resize(static_cast<size_t>(std::clamp<int64_t>(n < 0 ? count + n : n, 0, count)));
}

absl::StatusOr<SeriesList> EvaluateExtreme(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const bool is_generic = definition.variant.empty();
  PLUMBAGO_ASSIGN_OR_RETURN(
      const Aggregation aggregation,
      ParseAggregation(is_generic ? call.arguments().String("func") : definition.variant));
  const auto order =
      absl::StartsWith(definition.name, "highest") ? Order::kDescending : Order::kAscending;
  SortByAggregation(aggregation, order, call.series());
  KeepFirst(call.arguments().Integer("n"), call.series());
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateLimit(Call& call) {
  KeepFirst(call.arguments().Integer("n"), call.series());
  return std::move(call.series());
}

double Variance(const std::vector<double>& values) {
  const double mean = Aggregate(Aggregation::kAverage, values);
  double squares = 0;
  for (const double value : values) {
    if (!std::isnan(value)) squares += (value - mean) * (value - mean);
  }
  return squares / Aggregate(Aggregation::kCount, values);  // null without values
}

absl::StatusOr<SeriesList> EvaluateMostDeviant(Call& call) {
  SortByRank([](const Series& series) { return Variance(series.values.get()); }, Order::kDescending,
             call.series());
  std::erase_if(call.series(), [](const Series& series) {
    return Aggregate(Aggregation::kCount, series.values.get()) == 0;
  });
  KeepFirst(call.arguments().Integer("n"), call.series());
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateRemoveEmpty(Call& call) {
  const bool is_zero_empty = call.arguments().definition().name == "removeZeroSeries";
  const double share_min = call.arguments().OptionalFloat("xFilesFactor").value_or(0);
  std::erase_if(call.series(), [&](const Series& series) {
    size_t count = 0;
    for (const double value : series.values) {
      count += !std::isnan(value) && !(is_zero_empty && value == 0);
    }
    const auto size = static_cast<double>(series.values.size());
    return count == 0 || static_cast<double>(count) / size < share_min;
  });
  if (is_zero_empty) {
    for (Series& series : call.series()) {
      series.tags.Set("removeZeroSeries", PythonFloat(share_min));
    }
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateUnique(Call& call) {
  absl::flat_hash_set<std::string> seen;
  std::erase_if(call.series(),
                [&](const Series& series) { return !seen.insert(series.name).second; });
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateRegex(Call& call) {
  const std::string& name = call.arguments().definition().name;
  const auto regex = CompileRegex(call.arguments().String("pattern"));
  if (!regex.ok()) return base::Annotate(regex.status(), absl::StrCat(name, "()"));
  const bool is_kept = name == "grep";
  std::erase_if(call.series(),
                [&](const Series& series) { return Occurs(**regex, series.name) != is_kept; });
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateUseSeriesAbove(Call& call) {
  const Arguments& arguments = call.arguments();
  auto replacer = Replacer::Make(arguments.String("search"), arguments.String("replace"));
  if (!replacer.ok()) return base::Annotate(replacer.status(), "useSeriesAbove()");
  SeriesList results;
  for (const Series& series : call.series()) {
    if (!(Aggregate(Aggregation::kMaximum, series.values.get()) > arguments.Float("value"))) {
      continue;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string target, replacer->Replace(series.name));
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList list, call.EvaluatedTarget(target));
    std::erase_if(list, [](const Series& found) { return found.values.empty(); });
    std::move(list.begin(), list.end(), std::back_inserter(results));
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateFallback(Call& call) {
  return std::move(call.series().empty() ? call.SeriesOf("fallback") : call.series());
}

// averageAbove ... minimumBelow.
void AppendAboveAndBelow(std::vector<FunctionDefinition>& family) {
  for (const auto& [prefix, word] : {std::pair("average", "average"), std::pair("current", "last"),
                                     std::pair("maximum", "max"), std::pair("minimum", "min")}) {
    for (const bool is_above : {true, false}) {
      FunctionDefinition definition = SeriesFunction(
          absl::StrCat(prefix, is_above ? "Above" : "Below").c_str(), "Filter Series", "",
          {Required("n", ParameterType::kFloat)}, EvaluateAboveOrBelow);
      definition.description = absl::StrCat("Keeps the series whose ", prefix, " value is ",
                                            is_above ? "above n." : "at most n.");
      definition.variant = word;
      family.push_back(std::move(definition));
    }
  }
}

// highest ... lowestMin.
void AppendExtremes(std::vector<FunctionDefinition>& family) {
  for (const char* direction : {"highest", "lowest"}) {
    for (const auto& [suffix, word] :
         {std::pair("", ""), std::pair("Average", "average"), std::pair("Current", "current"),
          std::pair("Max", "max"), std::pair("Min", "min")}) {
      FunctionDefinition definition = SeriesFunction(absl::StrCat(direction, suffix).c_str(),
                                                     "Filter Series", "", {}, EvaluateExtreme);
      const bool is_generic = *word == '\0';
      definition.description =
          absl::StrCat("The n series with the ", direction, " ", is_generic ? "func" : word,
                       ", the ", direction, " first.");
      definition.variant = word;
      Parameter n = Required("n", ParameterType::kInteger);
      if (is_generic) n = Optional("n", ParameterType::kInteger, int64_t{1});
      definition.parameters.push_back(n);
      if (is_generic) {
        definition.parameters.push_back(
            Optional("func", ParameterType::kAggregation, std::string("average")));
      }
      family.push_back(std::move(definition));
    }
  }
}

}  // namespace

std::vector<FunctionDefinition> FilterFunctions() {
  const Parameter n = Required("n", ParameterType::kInteger);
  const Parameter share = Optional("xFilesFactor", ParameterType::kFloat);
  const Parameter pattern = Required("pattern", ParameterType::kString);
  std::vector<FunctionDefinition> family = {
      SeriesFunction("filterSeries", "Filter Series",
                     "Keeps the series whose aggregation func compares so with the threshold.",
                     {Required("func", ParameterType::kAggregation),
                      Required("operator", ParameterType::kString),
                      Required("threshold", ParameterType::kFloat)},
                     EvaluateFilter),
      SeriesFunction("limit", "Filter Series", "The first n series.", {n}, EvaluateLimit),
      SeriesFunction("mostDeviant", "Filter Series", "The n series with the greatest variance.",
                     {n}, EvaluateMostDeviant),
      SeriesFunction("removeEmptySeries", "Filter Series",
                     "Drops the series without values, or with too few.", {share},
                     EvaluateRemoveEmpty),
      SeriesFunction("removeZeroSeries", "Filter Series",
                     "Drops the series without values other than 0, or too few.", {share},
                     EvaluateRemoveEmpty),
      SeriesFunction("grep", "Filter Series",
                     "Keeps the series whose name the regular expression matches anywhere.",
                     {pattern}, EvaluateRegex),
      SeriesFunction("exclude", "Filter Series",
                     "Drops the series whose name the regular expression matches anywhere.",
                     {pattern}, EvaluateRegex),
      SeriesFunction(
          "useSeriesAbove", "Filter Series",
          "For every series that goes above value, the target that its name becomes when "
          "the regular expression search is replaced.",
          {Required("value", ParameterType::kFloat), Required("search", ParameterType::kString),
           Required("replace", ParameterType::kString)},
          EvaluateUseSeriesAbove),
      SeriesFunction("fallbackSeries", "Filter Series",
                     "The series, or those of fallback where there are none.",
                     {Required("fallback", ParameterType::kSeriesList)}, EvaluateFallback),
      {.name = "unique",
       .group = "Filter Series",
       .description = "The first series of every name.",
       .parameters = {AnyNumber("seriesLists", ParameterType::kSeriesList)},
       .evaluate = EvaluateUnique},
  };
  for (FunctionDefinition& definition : family) {
    if (definition.name == "useSeriesAbove") definition.aliases = {"aboveSeries"};
  }
  AppendAboveAndBelow(family);
  AppendExtremes(family);
  return family;
}

}  // namespace plumbago::functions

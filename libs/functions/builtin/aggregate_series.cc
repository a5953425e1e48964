// One aggregation over all series given: aggregate, sumSeries and its kin of graphite-web, and the
// short forms of carbonapi. Also countSeries, powSeries and the pairwise ...SeriesLists.
#include <cmath>

#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/power.h"
#include "functions/normalize.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

struct Form {
  const char* name;
  const char* alias;  // or null
  const char* word;   // of the aggregation
  const char* description;
};

constexpr Form kGraphite[] = {
    {"sumSeries", "sum", "sum", "Adds the series up, point by point."},
    {"averageSeries", "avg", "average", "The average of the series at each point."},
    {"minSeries", nullptr, "min", "The least value of the series at each point."},
    {"maxSeries", nullptr, "max", "The greatest value of the series at each point."},
    {"diffSeries", nullptr, "diff", "The first series minus all others."},
    {"stddevSeries", nullptr, "stddev", "The standard deviation of the series at each point."},
    {"rangeOfSeries", nullptr, "rangeOf", "The greatest minus the least value at each point."},
};

// carbonapi's: the result is named after the form that is called.
constexpr Form kCarbonapi[] = {
    {"average", nullptr, "average", "As averageSeries."},
    {"avgSeries", nullptr, "avg", "As averageSeries."},
    {"avg_zero", "avg_zeroSeries", "avg_zero", "The average at each point, nulls being 0."},
    {"count", nullptr, "count", "How many series have a value at each point."},
    {"current", "currentSeries", "current", "The value of the last series that has one."},
    {"last", "lastSeries", "last", "The value of the last series that has one."},
    {"diff", nullptr, "diff", "As diffSeries."},
    {"max", nullptr, "max", "As maxSeries."},
    {"min", nullptr, "min", "As minSeries."},
    {"median", "medianSeries", "median", "The median of the series at each point."},
    {"multiply", nullptr, "multiply", "As multiplySeries."},
    {"range", "rangeSeries", "range", "The greatest minus the least value at each point."},
    {"rangeOf", nullptr, "rangeOf", "As rangeOfSeries."},
    {"stddev", nullptr, "stddev", "As stddevSeries."},
    {"total", "totalSeries", "total", "As sumSeries."},
};

absl::StatusOr<SeriesList> EvaluateForm(Call& call) {
  return call.Reduced(call.arguments().definition().variant, std::move(call.series()),
                      call.context().x_files_factor);
}

absl::StatusOr<SeriesList> EvaluateMultiply(Call& call) {
  if (call.series().size() == 1) return std::move(call.series());
  return EvaluateForm(call);
}

std::optional<double> ShareOf(const Call& call) {
  const auto share = call.arguments().OptionalFloat("xFilesFactor");
  return share ? share : call.context().x_files_factor;
}

absl::StatusOr<SeriesList> EvaluateAggregate(Call& call) {
  return call.Reduced(call.arguments().String("func"), std::move(call.series()), ShareOf(call));
}

Series ResultOf(const Call& call, std::string name, const Grid& grid, std::vector<double> values) {
  Series result = MakeSeries(std::move(name), grid.start, grid.end, grid.step, std::move(values));
  result.x_files_factor = call.context().x_files_factor.value_or(0);
  return result;
}

absl::StatusOr<SeriesList> EvaluateFirst(Call& call) {
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  const Grid grid = Normalize(list);
  std::vector<double> values(RowCount(list), kNull);
  for (const Series& series : list) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (std::isnan(values[i])) values[i] = series.values[i];
    }
  }
  Series result = ResultOf(call, absl::StrCat("firstSeries(", JoinPathExpressions(list), ")"), grid,
                           std::move(values));
  result.tags.Set("aggregatedBy", "first");
  return SeriesList{std::move(result)};
}

absl::StatusOr<SeriesList> EvaluateCountSeries(Call& call) {
  SeriesList& list = call.series();
  const TimeRange& range = call.range();
  if (!call.IsWritten("seriesLists")) {
    const int64_t step = std::max<int64_t>((range.until - range.from) / 2, 1);
    Series line = MakeSeries("0", range.from, range.until, step, std::vector<double>(3, 0));
    line.path_expression = "countSeries()";
    line.has_integer_values = true;
    return SeriesList{std::move(line)};
  }
  if (list.empty()) return SeriesList{};
  const Grid grid = Normalize(list);
  const auto count = static_cast<double>(list.size());
  Series result = ResultOf(call, absl::StrCat("countSeries(", JoinPathExpressions(list), ")"), grid,
                           std::vector<double>(RowCount(list), count));
  result.has_integer_values = true;
  return SeriesList{std::move(result)};
}

std::string JoinNames(const SeriesList& list) {
  std::string names;
  for (const Series& series : list) {
    absl::StrAppend(&names, names.empty() ? "" : ",", series.name);
  }
  return names;
}

absl::StatusOr<SeriesList> EvaluatePowSeries(Call& call) {
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  const Grid grid = Normalize(list);
  std::vector<double> values(RowCount(list));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = ValueAt(list[0], i);
    for (size_t j = 1; j < list.size(); ++j) values[i] = Power(values[i], ValueAt(list[j], i));
  }
  return SeriesList{
      ResultOf(call, absl::StrCat("powSeries(", JoinNames(list), ")"), grid, std::move(values))};
}

// Pairs of two lists, in the order of the lists.
absl::StatusOr<std::vector<SeriesList>> Pairs(Call& call, absl::string_view first_name,
                                              absl::string_view second_name) {
  SeriesList& first = call.SeriesOf(first_name);
  SeriesList& second = call.SeriesOf(second_name);
  if (first.size() != second.size()) {
    return Refused(call, first_name, " has ", first.size(), " series and ", second_name, " has ",
                   second.size(), "; they need as many");
  }
  std::vector<SeriesList> pairs;
  for (size_t i = 0; i < first.size(); ++i) {
    pairs.emplace_back();
    pairs.back().push_back(std::move(first[i]));
    pairs.back().push_back(std::move(second[i]));
  }
  return pairs;
}

absl::StatusOr<SeriesList> EvaluateLists(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const bool is_generic = definition.variant.empty();
  const std::string& word = is_generic ? call.arguments().String("func") : definition.variant;
  const auto share = is_generic ? ShareOf(call) : call.context().x_files_factor;
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<SeriesList> pairs,
                            Pairs(call, "seriesListFirstPos", "seriesListSecondPos"));
  SeriesList results;
  for (SeriesList& pair : pairs) {
    const std::string names = JoinNames(pair);
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList result, AggregateSeries(word, std::move(pair), share));
    Series& series = result.front();
    series.name =
        absl::StrCat(series.name.substr(0, series.name.find("Series(")), "Series(", names, ")");
    results.push_back(std::move(series));
  }
  return results;
}

double Quotient(double dividend, double divisor) {
  return divisor == 0 ? kNull : dividend / divisor;
}

Series Divided(const Call& call, SeriesList pair) {
  const std::string name = absl::StrCat("divideSeries(", JoinNames(pair), ")");
  const Grid grid = Normalize(pair);
  return ResultOf(call, name, grid, CombineValues(pair[0], pair[1], Quotient));
}

absl::StatusOr<SeriesList> EvaluateDivideLists(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<SeriesList> pairs,
                            Pairs(call, "dividendSeriesList", "divisorSeriesList"));
  SeriesList results;
  for (SeriesList& pair : pairs) results.push_back(Divided(call, std::move(pair)));
  return results;
}

absl::StatusOr<SeriesList> EvaluateDivide(Call& call) {
  SeriesList& dividends = call.series();
  if (!call.IsWritten("divisorSeries") && dividends.size() == 2) {  // carbonapi's short form
    return SeriesList{Divided(call, std::move(dividends))};
  }
  const SeriesList& divisors = call.SeriesOf("divisorSeries");
  if (divisors.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("divideSeries second argument must reference exactly 1 series (got ",
                     divisors.size(), ")"));
  }
  SeriesList results;
  for (Series& series : dividends) {
    if (!divisors.empty()) {
      results.push_back(Divided(call, {std::move(series), divisors.front()}));
      continue;
    }
    series.RenameTo(absl::StrCat("divideSeries(", series.name, ",MISSING)"));
    TransformValues(series, [](double) { return kNull; });
    results.push_back(std::move(series));
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluatePowLists(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<SeriesList> pairs,
                            Pairs(call, "sourceSeriesList", "factorSeriesList"));
  const double absent = call.arguments().OptionalFloat("default").value_or(kNull);
  const auto or_absent = [&](double value) { return std::isnan(value) ? absent : value; };
  SeriesList results;
  for (SeriesList& pair : pairs) {
    const std::string name = absl::StrCat("powSeries(", JoinNames(pair), ")");
    const Grid grid = Normalize(pair);
    results.push_back(ResultOf(call, name, grid,
                               CombineValues(pair[0], pair[1], [&](double base, double exponent) {
                                 return Power(or_absent(base), or_absent(exponent));
                               })));
  }
  return results;
}

FunctionDefinition OfAllSeries(const Form& form) {
  FunctionDefinition definition = {
      .name = form.name,
      .group = "Combine",
      .description = form.description,
      .parameters = {Repeated("seriesLists", ParameterType::kSeriesList)},
      .is_aggregator = true,
      .variant = form.word,
      .evaluate = EvaluateForm};
  if (form.alias != nullptr) definition.aliases = {form.alias};
  return definition;
}

FunctionDefinition OfTwoLists(const char* name, const char* word, const char* description) {
  return {.name = name,
          .group = "Combine",
          .description = description,
          .parameters = {Required("seriesListFirstPos", ParameterType::kSeriesList),
                         Required("seriesListSecondPos", ParameterType::kSeriesList)},
          .variant = word,
          .evaluate = EvaluateLists};
}

FunctionDefinition With(FunctionDefinition definition,
                        absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  definition.evaluate = evaluate;
  return definition;
}

FunctionDefinition OfNames(FunctionDefinition definition) {
  definition.reads = FunctionDefinition::Reads::kNames;
  return definition;
}

FunctionDefinition Aggregate() {
  return {.name = "aggregate",
          .group = "Combine",
          .description = "Makes one series of all, point by point, by the aggregation func.",
          .parameters = {SeriesParameter(), Required("func", ParameterType::kAggregation),
                         Optional("xFilesFactor", ParameterType::kFloat)},
          .evaluate = EvaluateAggregate};
}

FunctionDefinition AggregateLists() {
  FunctionDefinition lists = OfTwoLists(
      "aggregateSeriesLists", "", "Aggregates the first series of both lists, the second ones...");
  lists.parameters.push_back(Required("func", ParameterType::kAggregation));
  lists.parameters.push_back(Optional("xFilesFactor", ParameterType::kFloat));
  return lists;
}

FunctionDefinition Count() {
  FunctionDefinition count =
      With(OfAllSeries({"countSeries", nullptr, "", "The number of series."}), EvaluateCountSeries);
  count.parameters = {AnyNumber("seriesLists", ParameterType::kSeriesList)};
  return count;
}

}  // namespace

std::vector<FunctionDefinition> AggregateFunctions() {
  constexpr auto kList = ParameterType::kSeriesList;
  std::vector<FunctionDefinition> family = {
      OfNames(Aggregate()),
      AggregateLists(),
      Count(),
      With(OfAllSeries({"multiplySeries", nullptr, "multiply",
                        "The product of the series at each point; null if any is null."}),
           EvaluateMultiply),
      With(OfAllSeries({"powSeries", nullptr, "",
                        "The first series raised to the power of the second, and so on."}),
           EvaluatePowSeries),
      With(OfAllSeries({"first", "firstSeries", "first",
                        "The value of the first series that has one, at each point."}),
           EvaluateFirst),
      OfTwoLists("sumSeriesLists", "sum",
                 "Adds the first series of both lists, the second ones..."),
      OfTwoLists("diffSeriesLists", "diff",
                 "Subtracts the series of the second list from those of the first, in order."),
      OfTwoLists("multiplySeriesLists", "multiply",
                 "Multiplies the first series of both lists, the second ones..."),
      {.name = "divideSeriesLists",
       .group = "Combine",
       .description = "Divides the series of the first list by those of the second, in order.",
       .parameters = {Required("dividendSeriesList", kList), Required("divisorSeriesList", kList)},
       .evaluate = EvaluateDivideLists},
      {.name = "divideSeries",
       .group = "Combine",
       .description = "Divides each series of the list by the one divisor.",
       .parameters = {Required("dividendSeriesList", kList), Optional("divisorSeries", kList)},
       .is_aggregator = true,
       .evaluate = EvaluateDivide},
      {.name = "powSeriesLists",
       .group = "Combine",
       .description = "Raises the series of the first list to the powers of the second, in order. "
                      "default stands for nulls.",
       .parameters = {Required("sourceSeriesList", kList), Required("factorSeriesList", kList),
                      Optional("default", ParameterType::kFloat)},
       .evaluate = EvaluatePowLists},
  };
  for (const Form& form : kGraphite) family.push_back(OfNames(OfAllSeries(form)));
  for (const Form& form : kCarbonapi) family.push_back(OfNames(OfAllSeries(form)));
  return family;
}

}  // namespace plumbago::functions

// asPercent and weightedAverage.
#include <algorithm>
#include <map>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/node_key.h"
#include "functions/normalize.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

double Percent(double value, double total) { return total == 0 ? kNull : value / total * 100.0; }

Series NewSeries(const Call& call, std::string name, const Grid& grid, std::vector<double> values) {
  Series result = MakeSeries(std::move(name), grid.start, grid.end, grid.step, std::move(values));
  result.x_files_factor = call.context().x_files_factor.value_or(0);
  return result;
}

std::string Name(absl::string_view series, absl::string_view total) {
  return absl::StrCat("asPercent(", series, ",", total, ")");
}

Series PercentOfSeries(const Call& call, const Series& series, const Series& total) {
  SeriesList pair = {series, total};
  const Grid grid = Normalize(pair);
  return NewSeries(call, Name(series.name, total.name), grid,
                   CombineValues(pair[0], pair[1], Percent));
}

Series AllNull(const Call& call, std::string name, const Series& like) {
  return NewSeries(call, std::move(name), {like.start, like.end, like.step},
                   std::vector<double>(like.values.size(), kNull));
}

// Several series become their sum.
Series TotalOf(const Call& call, SeriesList group) {
  if (group.size() == 1) return std::move(group.front());
  const std::string name = absl::StrCat("sumSeries(", JoinPathExpressions(group), ")");
  const Grid grid = Normalize(group);
  std::vector<const std::vector<double>*> columns;
  for (const Series& series : group) columns.push_back(&series.values.get());
  return NewSeries(call, name, grid, AggregateRows(Aggregation::kSum, columns, 0));
}

absl::StatusOr<SeriesList> PercentByNodes(Call& call, bool has_total) {
  const std::vector<Value>& nodes = call.arguments().Repeated("nodes");
  std::vector<Group> groups = GroupByNodeKey(call.series(), nodes);
  std::vector<Group> total_groups =
      has_total ? GroupByNodeKey(call.SeriesOf("total"), nodes) : groups;
  absl::flat_hash_map<std::string, Series> totals;
  for (Group& group : total_groups) {
    totals.emplace(group.key, TotalOf(call, std::move(group.list)));
  }
  std::set<std::string> seen;
  SeriesList results;
  for (const Group& group : groups) {
    seen.insert(group.key);
    const auto total = totals.find(group.key);
    for (const Series& series : group.list) {
      results.push_back(total == totals.end() ? AllNull(call, Name(series.name, "MISSING"), series)
                                              : PercentOfSeries(call, series, total->second));
    }
  }
  for (const Group& group : total_groups) {
    if (seen.contains(group.key)) continue;
    const Series& total = totals.at(group.key);
    results.push_back(AllNull(call, Name("MISSING", total.name), total));
  }
  return results;
}

// Each series over the same column of totals. The results keep the times of their series.
SeriesList PercentOfColumn(const Call& call, const SeriesList& list, absl::string_view total_name,
                           const std::vector<double>& totals) {
  SeriesList results;
  for (const Series& series : list) {
    std::vector<double> values(std::max(series.values.size(), totals.size()), kNull);
    for (size_t i = 0; i < std::min(series.values.size(), totals.size()); ++i) {
      values[i] = Percent(series.values[i], totals[i]);
    }
    results.push_back(NewSeries(call, Name(series.name, total_name),
                                {series.start, series.end, series.step}, std::move(values)));
  }
  return results;
}

absl::StatusOr<SeriesList> PercentOfList(Call& call) {
  SeriesList& list = call.series();
  SeriesList& totals = call.SeriesOf("total");
  if (totals.size() == 1 && list.size() != 1) {
    SeriesList all = list;
    all.push_back(totals.front());
    Normalize(all);
    const Series total = std::move(all.back());
    all.pop_back();
    return PercentOfColumn(call, all, total.name, total.values.get());
  }
  if (totals.size() != list.size()) {
    return Refused(call, "total has ", totals.size(), " series, neither one nor as many as the ",
                   list.size(), " of seriesList");
  }
  const auto by_name = [](const Series& a, const Series& b) { return a.name < b.name; };
  std::stable_sort(list.begin(), list.end(), by_name);
  std::stable_sort(totals.begin(), totals.end(), by_name);
  SeriesList results;
  for (size_t i = 0; i < list.size(); ++i) {
    results.push_back(PercentOfSeries(call, list[i], totals[i]));
  }
  return results;
}

absl::StatusOr<SeriesList> EvaluateAsPercent(Call& call) {
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  Normalize(list);
  const bool has_series = call.IsWritten("total") && !call.arguments().IsGiven("total");
  const bool has_number = call.arguments().IsGiven("total");
  if (!call.arguments().Repeated("nodes").empty()) {
    if (has_number) return Refused(call, "with nodes, total is a list of series or None");
    return PercentByNodes(call, has_series);
  }
  if (has_series) return PercentOfList(call);
  if (has_number) {
    const Value& value = call.arguments().Get("total");
    const auto* integer = std::get_if<int64_t>(&value);
    const double total =
        integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
    return PercentOfColumn(call, list,
                           integer != nullptr ? absl::StrCat(*integer) : PythonFloat(total),
                           std::vector<double>(list.front().values.size(), total));
  }
  SeriesList group = list;
  const Series total = TotalOf(call, std::move(group));
  return PercentOfColumn(call, list, absl::StrCat("sumSeries(", JoinPathExpressions(list), ")"),
                         total.values.get());
}

std::string SortedPaths(const SeriesList& list) {
  std::set<std::string> paths;
  for (const Series& series : list) paths.insert(series.path_expression);
  return absl::StrJoin(paths, ",");
}

std::string Shown(const std::vector<Value>& nodes) {
  return absl::StrJoin(nodes, ",", [](std::string* out, const Value& node) {
    const auto* tag = std::get_if<std::string>(&node);
    absl::StrAppend(out, tag != nullptr ? *tag : absl::StrCat(std::get<int64_t>(node)));
  });
}

absl::StatusOr<SeriesList> EvaluateWeightedAverage(Call& call) {
  SeriesList& averages = call.series();
  SeriesList& weights = call.SeriesOf("seriesListWeight");
  const std::vector<Value>& nodes = call.arguments().Repeated("nodes");
  if (averages.size() != weights.size()) {
    return Refused(call, "seriesListAvg has ", averages.size(), " series and seriesListWeight has ",
                   weights.size(), "; they need as many");
  }
  std::vector<std::string> order;
  std::map<std::string, std::pair<const Series*, const Series*>> pairs;  // by key, in memory here
  for (size_t i = 0; i < averages.size(); ++i) {
    for (const bool is_weight : {false, true}) {
      const Series& series = is_weight ? weights[i] : averages[i];
      const std::string key = NodeKey(series, nodes);
      if (!pairs.contains(key)) order.push_back(key);
      (is_weight ? pairs[key].second : pairs[key].first) = &series;
    }
  }
  SeriesList products;
  for (const std::string& key : order) {
    const auto [average, weight] = pairs.at(key);
    if (average == nullptr || weight == nullptr) continue;
    Series product = *average;
    product.values = CombineValues(*average, *weight, [](double a, double b) { return a * b; });
    product.consolidation = Consolidation::kAverage;
    products.push_back(std::move(product));
  }
  if (products.empty()) return SeriesList{};
  const std::string name = absl::StrCat("weightedAverage(", SortedPaths(averages), ", ",
                                        SortedPaths(weights), ", ", Shown(nodes), ")");
  const auto share = call.context().x_files_factor;
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList sums, AggregateSeries("sum", products, share));
  PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList weight_sums, AggregateSeries("sum", weights, share));
  const Series& sum = sums.front();
  return SeriesList{NewSeries(call, name, {sum.start, sum.end, sum.step},
                              CombineValues(sum, weight_sums.front(), [](double a, double b) {
                                return b == 0 ? kNull : a / b;
                              }))};
}

}  // namespace

std::vector<FunctionDefinition> ShareFunctions() {
  const Parameter nodes = AnyNumber("nodes", ParameterType::kNodeOrTag);
  return {
      {.name = "asPercent",
       .aliases = {"pct"},
       .group = "Combine",
       .description = "Each series in percent of total: a number, one series, as many series, or "
                      "without total the sum of all. With nodes, in percent of its group.",
       .parameters = {SeriesParameter(), Optional("total", ParameterType::kSeriesListOrFloat),
                      nodes},
       .is_aggregator = true,
       .evaluate = EvaluateAsPercent},
      {.name = "weightedAverage",
       .group = "Combine",
       .description = "The sum of average times weight, by the weights' sum. Averages and weights "
                      "belong together where the nodes are the same.",
       .parameters = {Required("seriesListAvg", ParameterType::kSeriesList),
                      Required("seriesListWeight", ParameterType::kSeriesList), nodes},
       .evaluate = EvaluateWeightedAverage},
  };
}

}  // namespace plumbago::functions

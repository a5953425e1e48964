// Functions that change the order of series: sortBy, sortByName, sortByTotal, sortByMaxima and
// sortByMinima.
#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/ranking.h"

namespace plumbago::functions {

void SortByRank(const std::function<double(const Series&)>& rank, Order order, SeriesList& list) {
  std::vector<std::pair<double, Series>> ranked;
  ranked.reserve(list.size());
  for (Series& series : list) {
    const double value = rank(series);
    ranked.emplace_back(std::isnan(value) ? -HUGE_VAL : value, std::move(series));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [&](const auto& a, const auto& b) {
    return order == Order::kAscending ? a.first < b.first : b.first < a.first;
  });
  for (size_t i = 0; i < list.size(); ++i) list[i] = std::move(ranked[i].second);
}

void SortByAggregation(Aggregation aggregation, Order order, SeriesList& list) {
  SortByRank([&](const Series& series) { return Aggregate(aggregation, series.values.get()); },
             order, list);
}

namespace {

// Every run of digits as a number of at least ten digits, so that 2 comes before 11.
std::string NaturalKey(absl::string_view name) {
  constexpr size_t kDigits = 10;
  std::string key;
  for (size_t i = 0; i < name.size();) {
    const auto is_digit = [&](size_t at) {
      return at < name.size() && absl::ascii_isdigit(static_cast<unsigned char>(name[at]));
    };
    if (!is_digit(i)) {
      key += name[i++];
      continue;
    }
    while (name[i] == '0' && is_digit(i + 1)) ++i;
    size_t end = i;
    while (is_digit(end)) ++end;
    if (end - i < kDigits) key.append(kDigits - (end - i), '0');
    key.append(name.data() + i, end - i);
    i = end;
  }
  return key;
}

absl::StatusOr<SeriesList> EvaluateByName(Call& call) {
  const bool is_natural = call.arguments().Boolean("natural");
  const bool is_reverse = call.arguments().Boolean("reverse");
  std::vector<std::pair<std::string, Series>> keyed;
  for (Series& series : call.series()) {
    std::string key = is_natural ? NaturalKey(series.name) : series.name;
    keyed.emplace_back(std::move(key), std::move(series));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return is_reverse ? b.first < a.first : a.first < b.first;
  });
  SeriesList result;
  for (auto& [key, series] : keyed) result.push_back(std::move(series));
  return result;
}

absl::StatusOr<SeriesList> EvaluateBy(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation,
                            ParseAggregation(call.arguments().String("func")));
  SortByAggregation(aggregation,
                    call.arguments().Boolean("reverse") ? Order::kDescending : Order::kAscending,
                    call.series());
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByTotal(Call& call) {
  SortByAggregation(Aggregation::kSum, Order::kDescending, call.series());
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByMaxima(Call& call) {
  SortByAggregation(Aggregation::kMaximum, Order::kDescending, call.series());
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByMinima(Call& call) {
  std::erase_if(call.series(), [](const Series& series) {
    return !(Aggregate(Aggregation::kMaximum, series.values.get()) > 0);
  });
  SortByAggregation(Aggregation::kMinimum, Order::kAscending, call.series());
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> SortFunctions() {
  const Parameter reverse = Optional("reverse", ParameterType::kBoolean, false);
  return {
      SeriesFunction(
          "sortBy", "Sorting", "Sorts the series by an aggregation of their values.",
          {Optional("func", ParameterType::kAggregation, std::string("average")), reverse},
          EvaluateBy),
      SeriesFunction("sortByName", "Sorting",
                     "Sorts the series by name; natural compares numbers inside names by value.",
                     {Optional("natural", ParameterType::kBoolean, false), reverse},
                     EvaluateByName),
      SeriesFunction("sortByTotal", "Sorting", "Sorts the series by their sum, the greatest first.",
                     {}, EvaluateByTotal),
      SeriesFunction("sortByMaxima", "Sorting",
                     "Sorts the series by their greatest value, the greatest first.", {},
                     EvaluateByMaxima),
      SeriesFunction("sortByMinima", "Sorting",
                     "Sorts the series that go above 0 by their least value, the least first.", {},
                     EvaluateByMinima),
  };
}

}  // namespace plumbago::functions

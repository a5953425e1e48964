#include "functions/normalize.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/aggregation.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kStepMax = int64_t{1} << 40;

// Steps without a sensible common multiple end at kStepMax: one value for everything.
int64_t CommonMultiple(int64_t a, int64_t b) {
  const int64_t factor = b / std::gcd(a, b);
  return a > kStepMax / factor ? kStepMax : a * factor;
}

Tags CommonTags(const SeriesList& list) {
  Tags common = list.front().tags;
  for (const Series& series : list) {
    if (series.tags == common) continue;
    const Tags before = common;
    for (const auto& [key, value] : before.entries()) {
      const std::string* other = series.tags.Find(key);
      if (other == nullptr || *other != value) common.Remove(key);
    }
  }
  return common;
}

}  // namespace

size_t RowCount(const SeriesList& list) {
  size_t count = 0;
  for (const Series& series : list) count = std::max(count, series.values.size());
  return count;
}

std::string JoinPathExpressions(const SeriesList& list) {
  absl::flat_hash_set<absl::string_view> seen;
  std::string joined;
  for (const Series& series : list) {
    if (!seen.insert(series.path_expression).second) continue;
    absl::StrAppend(&joined, joined.empty() ? "" : ",", series.path_expression);
  }
  return joined;
}

Grid Normalize(SeriesList& list) {
  Grid grid{list.front().start, list.front().end, list.front().step};
  for (const Series& series : list) {
    grid.step = CommonMultiple(grid.step, series.step);
    grid.start = std::min(grid.start, series.start);
    grid.end = std::max(grid.end, series.end);
  }
  for (Series& series : list) {
    if (series.step == grid.step) continue;
    series.values = Consolidate(series, static_cast<size_t>(grid.step / series.step));
    series.step = grid.step;
    series.has_integer_values &= series.consolidation != Consolidation::kAverage &&
                                 series.consolidation != Consolidation::kAverageZero;
  }
  grid.end -= (grid.end - grid.start) % grid.step;
  return grid;
}

absl::StatusOr<SeriesList> AggregateSeries(absl::string_view function, SeriesList list,
                                           std::optional<double> x_files_factor) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(function));
  if (list.empty()) return list;

  const Grid grid = Normalize(list);
  std::vector<const std::vector<double>*> columns;
  bool are_integers = aggregation == Aggregation::kCount || KeepsIntegers(aggregation);
  for (const Series& series : list) {
    columns.push_back(&series.values.get());
    are_integers &= series.has_integer_values || aggregation == Aggregation::kCount;
  }
  Series result = AggregatedSeries(function, list, grid,
                                   AggregateRows(aggregation, columns, x_files_factor.value_or(0)),
                                   x_files_factor);
  result.has_integer_values = are_integers;
  SeriesList one;
  one.push_back(std::move(result));
  return one;
}

Series AggregatedSeries(absl::string_view function, const SeriesList& list, const Grid& grid,
                        std::vector<double> rows, std::optional<double> x_files_factor) {
  absl::string_view word = function;
  if (absl::EndsWith(word, "Series")) word.remove_suffix(6);
  const std::string name = absl::StrCat(word, "Series(", JoinPathExpressions(list), ")");
  Series result = MakeSeries(name, grid.start, grid.end, grid.step, std::move(rows));
  result.tags = CommonTags(list);
  if (result.tags.Find("name") == nullptr) result.tags.Set("name", name);
  result.tags.Set("aggregatedBy", word);
  result.x_files_factor = x_files_factor.value_or(0);
  result.has_integer_values = word == "count";
  return result;
}

}  // namespace plumbago::functions

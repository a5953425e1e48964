// Lists of series made to fit each other, and reduced to one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "functions/series.h"

namespace plumbago::functions {

// The grid that series share after Normalize.
struct Grid {
  int64_t start = 0;
  int64_t end = 0;
  int64_t step = 1;
};

// Consolidates every series of a non-empty list to the least common multiple of their steps. Values
// are then parallel by index, not by time: graphite-web's rule. The series keep their own start.
Grid Normalize(SeriesList& list);

// Of the longest series.
size_t RowCount(const SeriesList& list);

// Null behind the end.
inline double ValueAt(const Series& series, size_t index) {
  return index < series.values.size() ? series.values[index] : kNull;
}

// The distinct path expressions in order, with commas.
std::string JoinPathExpressions(const SeriesList& list);

// A series over normalised ones: combine(a, b) at every point.
template <typename Combine>
std::vector<double> CombineValues(const Series& a, const Series& b, Combine combine) {
  std::vector<double> values(std::max(a.values.size(), b.values.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = combine(ValueAt(a, i), ValueAt(b, i));
  return values;
}

// One series: `function` (a word of aggregation.h) over all of `list`, row by row. An empty list
// gives an empty list. Named "<function>Series(<distinct path expressions>)", with the tags that
// all have in common, "name" and "aggregatedBy". InvalidArgument: unknown word.
absl::StatusOr<SeriesList> AggregateSeries(absl::string_view function, SeriesList list,
                                           std::optional<double> x_files_factor);

// The same result where the rows were aggregated elsewhere; the series of `list`, not empty, need
// no values, and those that they had were not integers.
Series AggregatedSeries(absl::string_view function, const SeriesList& list, const Grid& grid,
                        std::vector<double> rows, std::optional<double> x_files_factor);

}  // namespace plumbago::functions

// Lists of series made to fit each other, and reduced to one.
#pragma once

#include <optional>
#include <string>

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

// One series: `function` (a word of aggregation.h) over all of `list`, row by row. An empty list
// gives an empty list. Named "<function>Series(<distinct path expressions>)", with the tags that
// all have in common, "name" and "aggregatedBy". InvalidArgument: unknown word.
absl::StatusOr<SeriesList> AggregateSeries(absl::string_view function, SeriesList list,
                                           std::optional<double> x_files_factor);

}  // namespace plumbago::functions

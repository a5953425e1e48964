// Pictures of series: /render as png, svg and pdf. After graphite-web's render/glyph.py.
//
// Pure, thread-safe; memory is that of the picture (kPixelsMax) and of the series. Errors:
// InvalidArgument (series or parameters that cannot be drawn, such as values below zero on a
// logarithmic axis), ResourceExhausted (more than kDrawnPointsMax or kAreasMax), Internal (Cairo).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "functions/series.h"
#include "graph/parameters.h"

namespace plumbago::graph {

// Points that are left after merging those of one pixel, over all lines of a picture.
inline constexpr size_t kDrawnPointsMax = 2'000'000;
// Filled areas: each one cuts those after it, so the cost grows with the square of their number.
inline constexpr size_t kAreasMax = 200;

struct PieSlice {
  std::string name;
  double value = 0;  // below zero and not finite count as 0
};

// What a series is worth in a pie; a series without values 0.
enum class PieMode { kAverage, kMaximum, kMinimum };
PieSlice MakePieSlice(const functions::Series& series, PieMode mode);

// "No Data" in red where there are no series or no time between their ends.
absl::StatusOr<std::string> DrawLineGraph(functions::SeriesList list, const Parameters& parameters);
absl::StatusOr<std::string> DrawPieGraph(const std::vector<PieSlice>& slices,
                                         const Parameters& parameters);

}  // namespace plumbago::graph

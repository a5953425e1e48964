// The series of a line graph with what is needed to draw them.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "functions/series.h"
#include "graph/color.h"
#include "graph/parameters.h"
#include "graph/y_axis.h"

namespace plumbago::graph::internal {

struct PlotSeries {
  functions::Series series;  // stacking changes its values
  Color color;
  AxisSide side = AxisSide::kLeft;
  bool is_infinite = false;  // vertical lines where values are above zero
  bool is_stacked = false;   // filled down to zero
  bool is_invisible = false;
  double alpha = 1;
  std::optional<double> width = {};
  std::optional<double> dash = {};

  // As drawn: values for points_per_value points each, x_step pixels from each other.
  size_t points_per_value = 1;
  double x_step = 1;
  std::vector<double> values = {};
};

using PlotList = std::vector<PlotSeries>;

// With colours and the options that drawing functions set. InvalidArgument names a wrong colour.
absl::StatusOr<PlotList> MakePlotList(functions::SeriesList list, const Parameters& parameters);

bool HasSide(const PlotList& plots, AxisSide side);

// Merges points so that each value has minXStep pixels, for a graph of `width` pixels and
// `seconds`.
void FitToWidth(double width, double seconds, const Parameters& parameters, PlotList& plots);

// Least and greatest value of one side, or of both where `side` is not given.
ValueRange LimitsOf(const PlotList& plots, std::optional<AxisSide> side,
                    const Parameters& parameters);

// Applies areaMode and areaAlpha: adds up, marks areas, puts them first, and gives them outlines.
void ApplyAreaMode(const Parameters& parameters, PlotList& plots);

}  // namespace plumbago::graph::internal

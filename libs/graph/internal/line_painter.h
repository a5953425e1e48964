// Draws the lines and areas of a graph whose axes are known.
#pragma once

#include "graph/internal/plot_series.h"
#include "graph/internal/sheet.h"
#include "graph/y_axis.h"

namespace plumbago::graph::internal {

// What turns times and values to pixels.
struct Scales {
  int64_t start = 0;  // seconds, at the left edge of the area
  YAxis left;         // the only one, unless has_right
  YAxis right;
  Sides sides = Sides::kOne;
  LineMode line_mode = LineMode::kSlope;

  const YAxis& axis(AxisSide side) const {
    return sides == Sides::kTwo && side == AxisSide::kRight ? right : left;
  }
};

// The pixel of a value, none where a logarithmic axis has none.
std::optional<double> PixelOf(double value, const YAxis& axis, const Area& area);

void DrawLines(const PlotList& plots, const Scales& scales, Sheet& sheet);

}  // namespace plumbago::graph::internal

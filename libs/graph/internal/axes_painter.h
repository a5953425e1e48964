// Draws the texts beside the axes, and the grid.
#pragma once

#include "graph/internal/line_painter.h"
#include "graph/internal/sheet.h"
#include "graph/x_axis.h"

namespace plumbago::graph::internal {

// Both axes and where time 0 and 1 of them are.
struct AxesLayout {
  const Scales& scales;
  const XAxis& x_axis;
  double pixels_per_second = 1;
  double left_label_width = 0;
  double right_label_width = 0;
};

void DrawLabels(const AxesLayout& layout, Sheet& sheet);
void DrawGrid(const AxesLayout& layout, Sheet& sheet);

}  // namespace plumbago::graph::internal

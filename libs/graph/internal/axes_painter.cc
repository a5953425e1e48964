#include "graph/internal/axes_painter.h"

#include <algorithm>

namespace plumbago::graph::internal {
namespace {

void DrawYLabels(const YAxis& axis, double x, Align align, Sheet& sheet) {
  for (size_t i = 0; i < axis.labels.size(); ++i) {
    const std::optional<double> y = PixelOf(axis.label_values[i], axis, sheet.area());
    if (!y) continue;
    sheet.canvas().DrawText(
        axis.labels[i],
        {.x = x, .y = std::max(*y, 0.0), .align = align, .vertical = VerticalAlign::kMiddle});
  }
}

void DrawAllYLabels(const AxesLayout& layout, Sheet& sheet) {
  const Area& area = sheet.area();
  const double left = area.x_min - layout.left_label_width * 0.02;
  if (layout.scales.sides == Sides::kTwo) {
    DrawYLabels(layout.scales.left, left, Align::kRight, sheet);
    DrawYLabels(layout.scales.right, area.x_max + layout.right_label_width * 0.02 + 3, Align::kLeft,
                sheet);
  } else if (sheet.parameters().y_axis_side == AxisSide::kLeft) {
    DrawYLabels(layout.scales.left, left, Align::kRight, sheet);
  } else {
    DrawYLabels(layout.scales.left, area.x_max + layout.left_label_width * 0.02, Align::kLeft,
                sheet);
  }
}

double XOf(int64_t time, const AxesLayout& layout, const Area& area) {
  return area.x_min + static_cast<double>(time - layout.scales.start) * layout.pixels_per_second;
}

void DrawHorizontal(double value, const YAxis& axis, Sheet& sheet) {
  const Area& area = sheet.area();
  const std::optional<double> y = PixelOf(value, axis, area);
  if (!y || *y < 0) return;
  sheet.canvas().Line(area.x_min, *y, area.x_max, *y);
}

void DrawHorizontals(const YAxis& axis, Sheet& sheet) {
  const Parameters& parameters = sheet.parameters();
  Canvas& canvas = sheet.canvas();
  const double top_factor = axis.log_base ? *axis.log_base * *axis.log_base : 1;
  const std::vector<double>& values = axis.label_values;
  for (size_t i = 0; i < values.size(); ++i) {
    canvas.SetLineWidth(0.4);
    canvas.SetColor(parameters.major_line);
    DrawHorizontal(values[i], axis, sheet);
    if (parameters.minor_y < 1 || i + 1 == values.size()) continue;
    canvas.SetLineWidth(0.3);
    canvas.SetColor(parameters.minor_line);
    const double distance = (values[i + 1] - values[i]) / (1 + parameters.minor_y);
    for (int minor = 1; minor <= parameters.minor_y; ++minor) {
      const double value = values[i] + minor * distance;
      if (value < top_factor * axis.top) DrawHorizontal(value, axis, sheet);
    }
  }
}

void DrawVerticals(const std::vector<int64_t>& times, const AxesLayout& layout, Sheet& sheet) {
  const Area& area = sheet.area();
  for (const int64_t time : times) {
    const double x = XOf(time, layout, area);
    if (x < area.x_max) sheet.canvas().Line(x, area.y_max, x, area.y_min);
  }
}

}  // namespace

void DrawLabels(const AxesLayout& layout, Sheet& sheet) {
  const Parameters& parameters = sheet.parameters();
  sheet.canvas().SetColor(parameters.foreground);
  if (!parameters.hides_y_axis) DrawAllYLabels(layout, sheet);
  if (parameters.hides_x_axis) return;
  const double y = sheet.area().y_max + sheet.canvas().font_extents().ascent;
  for (size_t i = 0; i < layout.x_axis.labels.size(); ++i) {
    const double x = XOf(layout.x_axis.label_times[i], layout, sheet.area());
    sheet.canvas().DrawText(layout.x_axis.labels[i], {.x = x, .y = y, .align = Align::kCenter});
  }
}

void DrawGrid(const AxesLayout& layout, Sheet& sheet) {
  const Parameters& parameters = sheet.parameters();
  Canvas& canvas = sheet.canvas();
  const Area& area = sheet.area();
  canvas.BeginGroup("grid");
  canvas.SetDash(std::nullopt);
  DrawHorizontals(layout.scales.left, sheet);  // two axes share the grid of the left one
  canvas.SetLineWidth(0.25);
  canvas.SetColor(parameters.minor_line);
  DrawVerticals(layout.x_axis.minor_times, layout, sheet);
  canvas.SetLineWidth(0.33);
  canvas.SetColor(parameters.major_line);
  DrawVerticals(layout.x_axis.major_times, layout, sheet);
  canvas.SetLineWidth(0.5);
  canvas.Line(area.x_max, area.y_max, area.x_max, area.y_min);
  canvas.Line(area.x_min, area.y_max, area.x_min, area.y_min);
}

}  // namespace plumbago::graph::internal

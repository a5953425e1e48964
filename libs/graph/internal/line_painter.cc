#include "graph/internal/line_painter.h"

#include <algorithm>
#include <cmath>

namespace plumbago::graph::internal {
namespace {

// One series from left to right. What a null ends and where a line begins again depends on the
// mode.
class LinePainter {
 public:
  LinePainter(const PlotSeries& plot, const Scales& scales, Sheet& sheet)
      : plot_(plot),
        scales_(scales),
        parameters_(sheet.parameters()),
        area_(sheet.area()),
        canvas_(sheet.canvas()),
        axis_(scales.axis(plot.side)) {
    const double missing = static_cast<double>(plot.series.start - scales.start) /
                           static_cast<double>(plot.series.step);
    x_ = area_.x_min + plot.x_step * missing / static_cast<double>(plot.points_per_value) +
         parameters_.line_width / 2;
    y_ = area_.y_min;
    area_start_ = x_;
  }

  void Run() {
    SetStyle();
    for (size_t i = 0; i < plot_.values.size(); ++i) {
      double value = plot_.values[i];
      if (std::isnan(value) && parameters_.draws_null_as_zero) value = 0;
      const std::optional<double> y =
          std::isnan(value) ? std::nullopt : PixelOf(value, axis_, area_);
      if (!y) {
        AddNull();
      } else if (plot_.is_infinite && value > 0) {
        canvas_.Line(x_, area_.y_max, x_, area_.y_min);
        x_ += plot_.x_step;
      } else {
        AddPoint(i, std::max(*y, 0.0));
      }
    }
    if (!plot_.is_stacked) return canvas_.Stroke();
    if (null_count_ > 0) return;  // the null has ended the area
    FillTo(scales_.line_mode == LineMode::kStaircase ? x_ : x_ - plot_.x_step);
  }

 private:
  void SetStyle() {
    canvas_.SetLineWidth(plot_.width.value_or(parameters_.line_width));
    canvas_.SetDash(plot_.dash);
    if (plot_.is_invisible) {
      canvas_.SetColor(plot_.color, 0, Coverage::kGivenAlpha);
    } else {
      canvas_.SetColor(plot_.color, plot_.alpha);
    }
  }

  void AddNull() {
    if (null_count_ == 0 && has_point_) {
      canvas_.LineTo(x_, y_);
      if (plot_.is_stacked) FillTo(x_);
    }
    x_ += plot_.x_step;
    ++null_count_;
  }

  void AddPoint(size_t index, double y) {
    y_ = y;
    const bool begins = null_count_ > 0 || !has_point_;
    if (begins) area_start_ = x_;
    const bool is_connected = scales_.line_mode == LineMode::kConnected;
    const auto limit = parameters_.connected_limit.value_or(HUGE_VAL);
    const bool moves =
        is_connected ? static_cast<double>(null_count_) > limit || null_count_ == index : begins;
    if (moves) {
      canvas_.MoveTo(x_, y_);
    }
    canvas_.LineTo(x_, y_);
    x_ += plot_.x_step;
    if (scales_.line_mode == LineMode::kStaircase) canvas_.LineTo(x_, y_);
    null_count_ = 0;
    has_point_ = true;
  }

  void FillTo(double end_x) {
    if (!has_point_) return;
    // Where zero has no place, as on a logarithmic axis, areas go down to the axis.
    const double base = PixelOf(0, axis_, area_).value_or(area_.y_max);
    canvas_.FillAreaAndClip(area_start_, end_x, base, area_.rectangle());
  }

  const PlotSeries& plot_;
  const Scales& scales_;
  const Parameters& parameters_;
  const Area& area_;
  Canvas& canvas_;
  const YAxis& axis_;
  double x_ = 0;
  double y_ = 0;
  double area_start_ = 0;
  size_t null_count_ = 0;  // since the last point
  bool has_point_ = false;
};

}  // namespace

std::optional<double> PixelOf(double value, const YAxis& axis, const Area& area) {
  const std::optional<double> position = axis.PositionOf(value);
  if (!position) return std::nullopt;
  return area.y_max - *position * (area.y_max - area.y_min);
}

void DrawLines(const PlotList& plots, const Scales& scales, Sheet& sheet) {
  Canvas& canvas = sheet.canvas();
  canvas.BeginGroup("lines");
  canvas.Clip(sheet.area().rectangle());
  canvas.SaveClip();
  bool is_restored = false;
  for (const PlotSeries& plot : plots) {
    // Areas come first and cut each other; lines are drawn over all of them.
    if (!plot.is_stacked && !is_restored) {
      is_restored = true;
      canvas.RestoreClip();
    }
    LinePainter(plot, scales, sheet).Run();
  }
  if (!is_restored) canvas.RestoreClip();
}

}  // namespace plumbago::graph::internal

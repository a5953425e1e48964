// A line graph from outside to inside: titles, legend, axes (whose labels narrow the area, which
// may change the axes), grid, lines.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/text.h"
#include "graph/graph.h"
#include "graph/internal/axes_painter.h"
#include "graph/internal/line_painter.h"
#include "graph/internal/plot_series.h"
#include "graph/internal/sheet.h"
#include "graph/internal/svg.h"
#include "graph/x_axis.h"

namespace plumbago::graph {
namespace {

using internal::Area;
using internal::AxesLayout;
using internal::PlotList;
using internal::PlotSeries;
using internal::Sheet;
using internal::Sides;

constexpr size_t kLegendEntriesMax = 10;  // beyond, the legend has to be asked for
constexpr int kLayoutRoundsMax = 10;
constexpr double kLabelRoom = 1.02;  // of a label's width

class LineGraph {
 public:
  LineGraph(PlotList plots, const Parameters& parameters)
      : parameters_(parameters), plots_(std::move(plots)), sheet_(parameters) {
    scales_.line_mode = parameters.line_mode;
    if (internal::HasSide(plots_, AxisSide::kRight)) scales_.sides = Sides::kTwo;
    // A slope needs two points.
    const bool has_single = std::any_of(plots_.begin(), plots_.end(), [](const PlotSeries& plot) {
      return plot.series.values.size() == 1;
    });
    if (has_single && scales_.line_mode == LineMode::kSlope) {
      scales_.line_mode = LineMode::kStaircase;
    }
    FindTimes();
  }

  absl::StatusOr<std::string> Run() {
    if (end_ <= scales_.start) {
      sheet_.DrawNoData();
      return Finished("{}");
    }
    DrawTitles();
    DrawLegend();
    sheet_.UseFont();
    if (!parameters_.hides_axes && !parameters_.hides_x_axis) {
      area().y_max -= sheet_.canvas().font_extents().ascent * 2;
    }
    sheet_.canvas().BeginGroup("axes");
    PLUMBAGO_RETURN_IF_ERROR(LayOutYAxes());
    PLUMBAGO_RETURN_IF_ERROR(CheckCost());
    DrawAxes();
    internal::ApplyAreaMode(parameters_, plots_);
    PLUMBAGO_RETURN_IF_ERROR(CheckAreas());
    internal::DrawLines(plots_, scales_, sheet_);
    return Finished(parameters_.format == PictureFormat::kSvg ? Metadata() : "");
  }

 private:
  Area& area() { return sheet_.area(); }
  double graph_width() {
    return std::max(1.0, area().x_max - area().x_min - (parameters_.line_width + 1));
  }
  bool has_two_sides() const { return scales_.sides == Sides::kTwo; }

  void FindTimes() {
    if (plots_.empty()) return;
    scales_.start = plots_[0].series.start;
    end_ = plots_[0].series.start;
    const bool shows_last_step = scales_.line_mode == LineMode::kStaircase;
    for (const PlotSeries& plot : plots_) {
      const functions::Series& series = plot.series;
      scales_.start = std::min(scales_.start, series.start);
      end_ = std::max(end_, shows_last_step ? series.end : series.end - series.step);
    }
  }

  void DrawTitles() {
    sheet_.canvas().SetFont(internal::TitleFont(parameters_.font));
    sheet_.canvas().SetColor(parameters_.foreground);
    if (!parameters_.title.empty()) sheet_.DrawTitle();
    const double height = sheet_.canvas().font_extents().height;
    if (!parameters_.vertical_title.empty()) {
      sheet_.canvas().BeginGroup("vtitle");
      double x = area().x_min + height;
      for (const std::string& line :
           internal::LinesOf(internal::Unquoted(parameters_.vertical_title))) {
        DrawVertical(line, x, 270);
        x += height;
      }
      area().x_min = x + sheet_.margin() + height;
    }
    if (!has_two_sides() || parameters_.vertical_title_right.empty()) return;
    sheet_.canvas().BeginGroup("vtitleRight");
    double x = area().x_max - height;
    for (const std::string& line :
         internal::LinesOf(internal::Unquoted(parameters_.vertical_title_right))) {
      DrawVertical(line, x, 90);
      x -= height;
    }
    area().x_max = x - sheet_.margin() - height;
  }

  void DrawVertical(const std::string& line, double x, double degrees) {
    sheet_.canvas().DrawText(line, {.x = x,
                                    .y = parameters_.height / 2.0,
                                    .align = Align::kCenter,
                                    .vertical = VerticalAlign::kBaseline,
                                    .degrees = degrees});
  }

  void DrawLegend() {
    sheet_.UseFont();
    if (parameters_.hides_legend.value_or(plots_.size() > kLegendEntriesMax)) return;
    std::vector<internal::LegendEntry> entries;
    for (const PlotSeries& plot : plots_) {
      const auto& values = plot.series.values;
      const bool is_null =
          std::all_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
      if (plot.series.name.empty() || (parameters_.hides_null_in_legend && is_null)) continue;
      entries.push_back({internal::Unquoted(plot.series.name), plot.color, plot.side});
    }
    sheet_.DrawLegend(std::move(entries), scales_.sides);
  }

  // Labels take their room from the area, which merges points, which may change the labels.
  absl::Status LayOutYAxes() {
    for (int round = 0; round < kLayoutRoundsMax; ++round) {
      internal::FitToWidth(graph_width(), static_cast<double>(end_ - scales_.start), parameters_,
                           plots_);
      const Area before = area();
      PLUMBAGO_RETURN_IF_ERROR(has_two_sides() ? MakeTwoAxes() : MakeOneAxis());
      if (before.x_min == area().x_min && before.x_max == area().x_max) break;
    }
    return absl::OkStatus();
  }

  YAxisOptions Options(const AxisRequest& request) const {
    return {.request = request,
            .unit_system = parameters_.unit_system,
            .divisors = parameters_.y_divisors,
            .log_base = parameters_.log_base};
  }

  double WidthOf(const std::vector<std::string>& labels) {
    double width = 0;
    for (const std::string& label : labels) {
      width = std::max(width, sheet_.canvas().TextWidth(label));
    }
    return width;
  }

  absl::Status MakeOneAxis() {
    PLUMBAGO_ASSIGN_OR_RETURN(scales_.left,
                              MakeYAxis(internal::LimitsOf(plots_, std::nullopt, parameters_),
                                        Options(parameters_.y_axis)));
    if (parameters_.hides_axes) {  // then the graph has the whole range, not that of the labels
      scales_.left.label_values.clear();
      scales_.left.labels.clear();
      return absl::OkStatus();
    }
    left_width_ = WidthOf(scales_.left.labels);
    if (parameters_.hides_y_axis) return absl::OkStatus();
    if (parameters_.y_axis_side == AxisSide::kLeft) {
      area().x_min = std::max(area().x_min, sheet_.margin() + left_width_ * kLabelRoom);
    } else {
      area().x_max = std::min(area().x_max, parameters_.width - left_width_ * kLabelRoom);
    }
    return absl::OkStatus();
  }

  absl::Status MakeTwoAxes() {
    PLUMBAGO_ASSIGN_OR_RETURN(scales_.left,
                              MakeYAxis(internal::LimitsOf(plots_, AxisSide::kLeft, parameters_),
                                        Options(parameters_.left_axis)));
    PLUMBAGO_ASSIGN_OR_RETURN(scales_.right,
                              MakeYAxis(internal::LimitsOf(plots_, AxisSide::kRight, parameters_),
                                        Options(parameters_.right_axis)));
    left_width_ = WidthOf(scales_.left.labels);
    right_width_ = WidthOf(scales_.right.labels);
    area().x_min = std::max(area().x_min, sheet_.margin() + left_width_ * kLabelRoom);
    area().x_max = std::min(area().x_max, parameters_.width - right_width_ * kLabelRoom);
    return absl::OkStatus();
  }

  absl::Status CheckCost() const {
    size_t count = 0;
    for (const PlotSeries& plot : plots_) count += plot.values.size();
    if (count <= kDrawnPointsMax) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("the picture has ", count,
                                                     " points, more than ", kDrawnPointsMax,
                                                     "; ask for fewer series or a smaller width"));
  }

  absl::Status CheckAreas() const {
    const auto count = static_cast<size_t>(std::count_if(
        plots_.begin(), plots_.end(), [](const PlotSeries& plot) { return plot.is_stacked; }));
    if (count <= kAreasMax) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("the picture has ", count,
                                                     " areas, more than ", kAreasMax,
                                                     "; ask for fewer series or areaMode=none"));
  }

  void DrawAxes() {
    if (parameters_.hides_axes) return;
    const XAxis x_axis =
        MakeXAxis(scales_.start, end_, graph_width(), parameters_.zone, parameters_.x_format);
    const AxesLayout layout{
        .scales = scales_,
        .x_axis = x_axis,
        .pixels_per_second = graph_width() / static_cast<double>(end_ - scales_.start),
        .left_label_width = left_width_,
        .right_label_width = right_width_};
    internal::DrawLabels(layout, sheet_);
    if (!parameters_.hides_grid) internal::DrawGrid(layout, sheet_);
  }

  absl::StatusOr<std::string> Finished(const std::string& metadata) {
    PLUMBAGO_ASSIGN_OR_RETURN(std::string picture, sheet_.canvas().Finish());
    if (parameters_.format != PictureFormat::kSvg) return picture;
    return internal::FinishSvg(std::move(picture), sheet_.canvas().groups(), metadata);
  }

  static void AppendNumber(double value, std::string& out) {
    if (std::isfinite(value)) {
      functions::AppendPythonFloat(value, out);
    } else {
      out += "null";
    }
  }

  // What scripts need to find values under a pointer, as graphite-web gives it.
  std::string Metadata() {
    std::string json =
        absl::StrCat("{\"x\":{\"start\":", scales_.start, ",\"end\":", end_,
                     "},\"options\":{\"lineWidth\":", parameters_.line_width,
                     "},\"area\":{\"xmin\":", area().x_min, ",\"xmax\":", area().x_max,
                     ",\"ymin\":", area().y_min, ",\"ymax\":", area().y_max, "},\"series\":[");
    bool is_first = true;
    for (const PlotSeries& plot : plots_) {
      if (plot.is_stacked) continue;
      if (!std::exchange(is_first, false)) json += ',';
      AppendSeries(plot, json);
    }
    json += ']';
    if (!has_two_sides()) AppendYAxis(json);
    return json + "}";
  }

  static void AppendSeries(const PlotSeries& plot, std::string& json) {
    json += "{\"name\":";
    functions::AppendJsonString(plot.series.name, json);
    absl::StrAppend(&json, ",\"start\":", plot.series.start, ",\"end\":", plot.series.end,
                    ",\"step\":", plot.series.step, ",\"valuesPerPoint\":", plot.points_per_value,
                    ",\"data\":[");
    for (size_t i = 0; i < plot.values.size(); ++i) {
      if (i > 0) json += ',';
      AppendNumber(plot.values[i], json);
    }
    json += "]}";
  }

  void AppendYAxis(std::string& json) const {
    const YAxis& axis = scales_.left;
    json += ",\"y\":{\"top\":";
    AppendNumber(axis.top, json);
    json += ",\"bottom\":";
    AppendNumber(axis.bottom, json);
    json += ",\"step\":";
    AppendNumber(axis.log_base ? HUGE_VAL : axis.step, json);
    json += ",\"labels\":[";
    for (size_t i = 0; i < axis.labels.size(); ++i) {
      if (i > 0) json += ',';
      functions::AppendJsonString(axis.labels[i], json);
    }
    json += "],\"labelValues\":[";
    for (size_t i = 0; i < axis.label_values.size(); ++i) {
      if (i > 0) json += ',';
      AppendNumber(axis.label_values[i], json);
    }
    json += "]}";
  }

  const Parameters& parameters_;
  PlotList plots_;
  Sheet sheet_;
  internal::Scales scales_;
  int64_t end_ = 0;
  double left_width_ = 0;
  double right_width_ = 0;
};

}  // namespace

absl::StatusOr<std::string> DrawLineGraph(functions::SeriesList list,
                                          const Parameters& parameters) {
  PLUMBAGO_ASSIGN_OR_RETURN(PlotList plots, internal::MakePlotList(std::move(list), parameters));
  if (!internal::HasSide(plots, AxisSide::kRight) || parameters.y_axis_side == AxisSide::kLeft) {
    return LineGraph(std::move(plots), parameters).Run();
  }
  Parameters two_sides = parameters;  // with two axes, none can be asked for
  two_sides.y_axis_side = AxisSide::kLeft;
  return LineGraph(std::move(plots), two_sides).Run();
}

}  // namespace plumbago::graph

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "graph/graph.h"
#include "graph/internal/sheet.h"
#include "graph/internal/svg.h"

namespace plumbago::graph {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr size_t kSlicesMax = 10'000;

double Share(const PieSlice& slice) {
  return std::isfinite(slice.value) ? std::max(slice.value, 0.0) : 0.0;
}

class PieGraph {
 public:
  PieGraph(const std::vector<PieSlice>& slices, const Parameters& parameters)
      : slices_(slices), parameters_(parameters), sheet_(parameters) {
    for (const PieSlice& slice : slices) total_ += Share(slice);
  }

  absl::StatusOr<std::string> Run() {
    if (!(total_ > 0) || !std::isfinite(total_)) {
      sheet_.DrawNoData();
    } else {
      DrawAround();
      DrawSlices();
      if (parameters_.value_labels != ValueLabels::kNone) DrawLabels();
    }
    PLUMBAGO_ASSIGN_OR_RETURN(std::string picture, sheet_.canvas().Finish());
    if (parameters_.format != PictureFormat::kSvg) return picture;
    return internal::FinishSvg(std::move(picture), sheet_.canvas().groups(), "{}");
  }

 private:
  const Color& ColorOf(size_t index) const {
    return parameters_.colors[index % parameters_.colors.size()];
  }

  void DrawAround() {
    sheet_.canvas().SetFont(internal::TitleFont(parameters_.font));
    sheet_.canvas().SetColor(parameters_.foreground);
    if (!parameters_.title.empty()) sheet_.DrawTitle();
    sheet_.UseFont();
    if (parameters_.hides_legend.value_or(false)) return;
    std::vector<internal::LegendEntry> entries;
    for (size_t i = 0; i < slices_.size(); ++i) entries.push_back({slices_[i].name, ColorOf(i)});
    sheet_.DrawLegend(std::move(entries), internal::Sides::kOne);
  }

  void DrawSlices() {
    const internal::Area& area = sheet_.area();
    const double half_width = (area.x_max - area.x_min) / 2;
    const double half_height = (area.y_max - area.y_min) / 2;
    x_ = area.x_min + half_width;
    y_ = area.y_min + half_height;
    radius_ = std::max(0.0, std::min(half_width, half_height) * 0.95);
    double from = 1.5 * kPi;  // the top
    for (size_t i = 0; i < slices_.size(); ++i) {
      const double to = from + 2 * kPi * Share(slices_[i]) / total_;
      sheet_.canvas().SetColor(ColorOf(i), parameters_.area_alpha.value_or(1));
      if (to > from) sheet_.canvas().FillSlice(x_, y_, radius_, from, to);
      middles_.push_back(std::fmod((from + to) / 2, 2 * kPi));
      from = to;
    }
  }

  void DrawLabels() {
    sheet_.canvas().SetColor(parameters_.value_labels_color);
    for (size_t i = 0; i < slices_.size(); ++i) {
      const std::string label = LabelOf(Share(slices_[i]));
      if (label.empty()) continue;
      double angle = middles_[i];
      const double x = x_ + radius_ / 2 * std::cos(angle);
      const double y = y_ + radius_ / 2 * std::sin(angle);
      if (angle > kPi / 2 && angle <= 1.5 * kPi) angle -= kPi;  // readable from below
      const bool is_rotated = parameters_.pie_labels == PieLabels::kRotated;
      sheet_.canvas().DrawText(label, {.x = x,
                                       .y = y,
                                       .align = Align::kCenter,
                                       .vertical = VerticalAlign::kMiddle,
                                       .degrees = is_rotated ? angle * 180 / kPi : 0});
    }
  }

  // Empty for slices that are too small.
  std::string LabelOf(double value) const {
    const bool is_percent = parameters_.value_labels == ValueLabels::kPercent;
    const double shown = is_percent ? value / total_ * 100 : value;
    if (shown < parameters_.value_labels_min) return "";
    if (is_percent) return absl::StrFormat("%%%.2f", shown);
    if (shown < 10 && shown != std::floor(shown)) return absl::StrFormat("%.2f", shown);
    return absl::StrFormat("%.0f", std::floor(shown));
  }

  const std::vector<PieSlice>& slices_;
  const Parameters& parameters_;
  internal::Sheet sheet_;
  double total_ = 0;
  double x_ = 0;
  double y_ = 0;
  double radius_ = 0;
  std::vector<double> middles_;  // angles
};

}  // namespace

PieSlice MakePieSlice(const functions::Series& series, PieMode mode) {
  double count = 0;
  double sum = 0;
  double minimum = HUGE_VAL;
  double maximum = -HUGE_VAL;
  for (const double value : series.values) {
    if (std::isnan(value)) continue;
    ++count;
    sum += value;
    minimum = std::min(minimum, value);
    maximum = std::max(maximum, value);
  }
  if (count == 0) return {series.name, 0};
  if (mode == PieMode::kAverage) return {series.name, sum / count};
  return {series.name, mode == PieMode::kMaximum ? maximum : minimum};
}

absl::StatusOr<std::string> DrawPieGraph(const std::vector<PieSlice>& slices,
                                         const Parameters& parameters) {
  if (slices.size() > kSlicesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("the pie has ", slices.size(),
                                                     " slices, more than ", kSlicesMax,
                                                     "; ask for fewer series"));
  }
  return PieGraph(slices, parameters).Run();
}

}  // namespace plumbago::graph

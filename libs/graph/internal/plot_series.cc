#include "graph/internal/plot_series.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::graph::internal {
namespace {

std::optional<double> NumberOption(const functions::Series& series, absl::string_view name) {
  const std::string* text = series.options.Find(name);
  double number = 0;
  if (text == nullptr || !absl::SimpleAtod(*text, &number)) return std::nullopt;
  return number;
}

bool HasOption(const functions::Series& series, absl::string_view name) {
  return series.options.Find(name) != nullptr;
}

PlotSeries MakePlot(functions::Series series) {
  PlotSeries plot;
  plot.side = HasOption(series, "secondYAxis") ? AxisSide::kRight : AxisSide::kLeft;
  plot.is_infinite = HasOption(series, "drawAsInfinite");
  plot.is_stacked = HasOption(series, "stacked");
  plot.is_invisible = HasOption(series, "invisible");
  const double alpha = NumberOption(series, "alpha").value_or(1);
  plot.alpha = alpha == 0 ? 1 : alpha;
  plot.width = NumberOption(series, "lineWidth");
  plot.dash = NumberOption(series, "dashed");
  plot.values = series.values.get();
  plot.series = std::move(series);
  return plot;
}

// The parameters of a side win over what functions said, but only where there are two sides.
void ApplySide(const Parameters& parameters, PlotSeries& plot, bool* has_color) {
  const SideStyle& style = plot.side == AxisSide::kRight ? parameters.right : parameters.left;
  if (style.width) plot.width = style.width;
  if (style.dash) plot.dash = style.dash;
  if (!style.color) return;
  plot.color = *style.color;
  *has_color = true;
}

// Null where no finite value is in any of the columns.
template <typename Values>
void Widen(const Values& values, std::optional<ValueRange>& range) {
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    if (!range) range = ValueRange{value, value};
    range->min = std::min(range->min, value);
    range->max = std::max(range->max, value);
  }
}

std::optional<double> GreatestSum(const std::vector<const PlotSeries*>& plots) {
  size_t length = plots[0]->series.values.size();
  for (const PlotSeries* plot : plots) length = std::min(length, plot->series.values.size());
  std::optional<double> greatest;
  for (size_t i = 0; i < length; ++i) {
    double sum = 0;
    for (const PlotSeries* plot : plots) {
      const double value = plot->series.values[i];
      if (std::isfinite(value)) sum += value;
    }
    greatest = greatest ? std::max(*greatest, sum) : sum;
  }
  return greatest;
}

void StackUp(PlotList& plots) {
  std::vector<double> totals;
  for (PlotSeries& plot : plots) {
    if (plot.is_infinite) continue;
    plot.is_stacked = true;
    std::vector<double>& values = plot.series.values.Mutable();
    totals.resize(std::max(totals.size(), values.size()), 0);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) values[i] = totals[i] += values[i];
    }
    plot.values = functions::Consolidate(plot.series, plot.points_per_value);
  }
}

}  // namespace

absl::StatusOr<PlotList> MakePlotList(functions::SeriesList list, const Parameters& parameters) {
  PlotList plots;
  for (functions::Series& series : list) plots.push_back(MakePlot(std::move(series)));
  const bool has_two_sides = HasSide(plots, AxisSide::kRight);
  size_t next_color = 0;
  for (PlotSeries& plot : plots) {
    bool has_color = false;
    if (has_two_sides) ApplySide(parameters, plot, &has_color);
    if (has_color) continue;
    if (const std::string* text = plot.series.options.Find("color")) {
      auto color = ParseColor(*text);
      if (!color.ok()) return base::Annotate(color.status(), "color");
      plot.color = *color;
    } else {
      plot.color = parameters.colors[next_color++ % parameters.colors.size()];
    }
  }
  return plots;
}

bool HasSide(const PlotList& plots, AxisSide side) {
  return std::any_of(plots.begin(), plots.end(),
                     [side](const PlotSeries& plot) { return plot.side == side; });
}

void FitToWidth(double width, double seconds, const Parameters& parameters, PlotList& plots) {
  const double pixels = std::max(width, 1.0);
  for (PlotSeries& plot : plots) {
    const double count = seconds / static_cast<double>(plot.series.step);
    plot.x_step = pixels / count;
    if (plot.x_step >= parameters.x_step_min) continue;
    const double drawable = std::max(1.0, std::floor(pixels / parameters.x_step_min));
    const double merged = std::ceil(count / drawable);
    plot.x_step = pixels * merged / count;
    plot.points_per_value = static_cast<size_t>(std::max(1.0, merged));
    plot.values = functions::Consolidate(plot.series, plot.points_per_value);
  }
}

ValueRange LimitsOf(const PlotList& plots, std::optional<AxisSide> side,
                    const Parameters& parameters) {
  std::optional<ValueRange> range;
  std::vector<const PlotSeries*> finite;
  bool has_nulls = false;
  for (const PlotSeries& plot : plots) {
    if (side && plot.side != *side) continue;
    has_nulls |= std::any_of(plot.values.begin(), plot.values.end(),
                             [](double value) { return std::isnan(value); });
    if (plot.is_infinite) continue;
    finite.push_back(&plot);
    Widen(plot.values, range);
  }
  if (!range) return {};
  const bool reaches_zero = parameters.draws_null_as_zero && has_nulls;
  if (range->min > 0 && reaches_zero) range->min = 0;
  if (parameters.area_mode == AreaMode::kStacked) {
    range->max = GreatestSum(finite).value_or(range->max);
  }
  if (range->max < 0 && reaches_zero) range->max = 0;
  return *range;
}

void ApplyAreaMode(const Parameters& parameters, PlotList& plots) {
  std::stable_partition(plots.begin(), plots.end(),
                        [](const PlotSeries& plot) { return plot.is_stacked; });
  switch (parameters.area_mode) {
    case AreaMode::kNone:
      break;
    case AreaMode::kFirst:
      plots[0].is_stacked = true;
      break;
    case AreaMode::kAll:
      for (PlotSeries& plot : plots) plot.is_stacked |= !plot.is_infinite;
      break;
    case AreaMode::kStacked:
      if (!HasSide(plots, AxisSide::kRight)) StackUp(plots);
      break;
  }
  if (!parameters.area_alpha || *parameters.area_alpha == 0) return;
  PlotList outlines;
  for (PlotSeries& plot : plots) {
    if (!plot.is_stacked) continue;
    plot.alpha = *parameters.area_alpha;
    PlotSeries outline = plot;
    outline.is_stacked = outline.is_invisible = outline.is_infinite = false;
    outline.alpha = 1;
    outline.width = outline.dash = std::nullopt;
    outlines.push_back(std::move(outline));
  }
  std::move(outlines.begin(), outlines.end(), std::back_inserter(plots));
}

}  // namespace plumbago::graph::internal

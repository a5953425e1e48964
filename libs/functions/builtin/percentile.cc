// nPercentile, percentileOfSeries, averageOutsidePercentile, removeBetweenPercentile,
// removeAbovePercentile and removeBelowPercentile.
#include "functions/builtin/percentile.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/normalize.h"
#include "functions/text.h"

namespace plumbago::functions {

double Percentile(absl::Span<const double> values, double percent, Interpolation interpolation) {
  std::vector<double> sorted;
  for (const double value : values) {
    if (!std::isnan(value)) sorted.push_back(value);
  }
  if (sorted.empty()) return kNull;
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<double>(sorted.size());
  const double exact_rank = std::clamp(percent / 100.0 * (count + 1), 0.0, count + 1);
  const double rank =
      interpolation == Interpolation::kLinear ? std::floor(exact_rank) : std::ceil(exact_rank);
  const double value = sorted[static_cast<size_t>(std::clamp(rank, 1.0, count)) - 1];
  if (interpolation == Interpolation::kNone || rank >= count) return value;
  return value + (exact_rank - rank) * (sorted[static_cast<size_t>(rank)] - value);
}

namespace {

double SeriesPercentile(const Series& series, double percent) {
  return Percentile(series.values.get(), percent, Interpolation::kNone);
}

absl::StatusOr<SeriesList> EvaluateNPercentile(Call& call) {
  const double percent = call.arguments().Float("n");
  if (percent == 0) return Refused(call, "n is 0, not greater than 0");
  SeriesList result;
  for (Series& series : call.series()) {
    const double percentile = SeriesPercentile(series, percent);
    if (std::isnan(percentile)) continue;
    const int64_t count = std::max<int64_t>((series.end - series.start) / series.step, 0);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(count));
    series.values = std::vector<double>(static_cast<size_t>(count), percentile);
    series.tags.Set("nPercentile", PythonFloat(percent));
    series.RenameTo(absl::StrFormat("nPercentile(%s, %g)", series.name, percent));
    result.push_back(std::move(series));
  }
  return result;
}

absl::StatusOr<SeriesList> EvaluatePercentileOfSeries(Call& call) {
  const double percent = call.arguments().Float("n");
  if (percent <= 0) return Refused(call, "n is ", percent, ", not greater than 0");
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  const auto interpolation =
      call.arguments().Boolean("interpolate") ? Interpolation::kLinear : Interpolation::kNone;
  const Grid grid = Normalize(list);
  std::vector<double> values(RowCount(list));
  std::vector<double> row;
  for (size_t i = 0; i < values.size(); ++i) {
    row.clear();
    for (const Series& series : list) row.push_back(ValueAt(series, i));
    values[i] = Percentile(row, percent, interpolation);
  }
  Series result = MakeSeries(
      absl::StrFormat("percentileOfSeries(%s,%g)", list.front().path_expression, percent),
      grid.start, grid.end, grid.step, std::move(values));
  result.x_files_factor = call.context().x_files_factor.value_or(0);
  return SeriesList{std::move(result)};
}

// Where the range between the percentiles lies, for an n of either side.
double UpperPercent(const Call& call) {
  const double n = call.arguments().Float("n");
  return n < 50 ? 100 - n : n;
}

absl::StatusOr<SeriesList> EvaluateAverageOutside(Call& call) {
  const double upper = UpperPercent(call);
  std::vector<double> averages;
  for (const Series& series : call.series()) {
    averages.push_back(Aggregate(Aggregation::kAverage, series.values.get()));
  }
  const double low = Percentile(averages, 100 - upper, Interpolation::kNone);
  const double high = Percentile(averages, upper, Interpolation::kNone);
  SeriesList kept;
  for (size_t i = 0; i < averages.size(); ++i) {
    if (averages[i] <= low || averages[i] >= high) kept.push_back(std::move(call.series()[i]));
  }
  return kept;
}

absl::StatusOr<SeriesList> EvaluateRemoveBetween(Call& call) {
  const double upper = UpperPercent(call);
  SeriesList& list = call.series();
  if (list.empty()) return SeriesList{};
  // Columns that all have, as graphite-web zips them.
  size_t row_count = list.front().values.size();
  for (const Series& series : list) row_count = std::min(row_count, series.values.size());
  std::vector<bool> is_kept(list.size());
  std::vector<double> row(list.size());
  for (size_t i = 0; i < row_count; ++i) {
    for (size_t j = 0; j < list.size(); ++j) row[j] = list[j].values[i];
    const double low = Percentile(row, 100 - upper, Interpolation::kNone);
    const double high = Percentile(row, upper, Interpolation::kNone);
    for (size_t j = 0; j < list.size(); ++j) {
      if (row[j] <= low || row[j] >= high) is_kept[j] = true;
    }
  }
  SeriesList kept;
  for (size_t j = 0; j < list.size(); ++j) {
    if (is_kept[j]) kept.push_back(std::move(list[j]));
  }
  return kept;
}

absl::StatusOr<SeriesList> EvaluateRemovePercentile(Call& call) {
  const std::string& name = call.arguments().definition().name;
  const bool is_above = name == "removeAbovePercentile";
  const double percent = call.arguments().Float("n");
  if (percent == 0) return Refused(call, "n is 0, not greater than 0");
  for (Series& series : call.series()) {
    const double limit = SeriesPercentile(series, percent);
    series.RenameTo(absl::StrFormat("%s(%s, %g)", name, series.name, percent));
    if (std::isnan(limit)) continue;
    series.tags.Set("nPercentile", PythonFloat(percent));
    TransformValues(series, [&](double value) {
      return (is_above ? value > limit : value < limit) ? kNull : value;
    });
  }
  return std::move(call.series());
}

FunctionDefinition Definition(const char* name, const char* group, const char* description,
                              absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  return {.name = name,
          .group = group,
          .description = description,
          .parameters = {SeriesParameter(), Required("n", ParameterType::kFloat)},
          .evaluate = evaluate};
}

}  // namespace

std::vector<FunctionDefinition> PercentileFunctions() {
  FunctionDefinition of_series =
      Definition("percentileOfSeries", "Combine",
                 "The n-th percentile of the series at each point.", EvaluatePercentileOfSeries);
  of_series.parameters.push_back(Optional("interpolate", ParameterType::kBoolean, false));
  return {
      of_series,
      Definition("nPercentile", "Calculate", "A line at the n-th percentile of each series.",
                 EvaluateNPercentile),
      Definition("averageOutsidePercentile", "Filter Series",
                 "Drops the series whose average lies between the n-th percentile of all averages "
                 "and the one that is as far from the other end.",
                 EvaluateAverageOutside),
      Definition("removeBetweenPercentile", "Filter Series",
                 "Drops the series that lie at all points between the n-th percentile and the one "
                 "that is as far from the other end.",
                 EvaluateRemoveBetween),
      Definition("removeAbovePercentile", "Filter Data",
                 "Drops the values above the n-th percentile of their series.",
                 EvaluateRemovePercentile),
      Definition("removeBelowPercentile", "Filter Data",
                 "Drops the values below the n-th percentile of their series.",
                 EvaluateRemovePercentile),
  };
}

}  // namespace plumbago::functions

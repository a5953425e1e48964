#include "query/series_merge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "functions/aggregation.h"

namespace plumbago::query {
namespace {

using functions::Aggregation;

size_t NullCount(const StoredSeries& series) {
  return static_cast<size_t>(std::count_if(series.values.begin(), series.values.end(),
                                           [](double value) { return std::isnan(value); }));
}

double LargestMagnitude(absl::Span<const double> values) {
  return *std::max_element(values.begin(), values.end(),
                           [](double a, double b) { return std::fabs(a) < std::fabs(b); });
}

double SmallestMagnitude(absl::Span<const double> values) {
  return *std::min_element(values.begin(), values.end(),
                           [](double a, double b) { return std::fabs(a) < std::fabs(b); });
}

// By whisper's word for the method; without nulls, not empty.
double AggregateBy(absl::string_view method, absl::Span<const double> values) {
  if (method == "sum") return functions::Aggregate(Aggregation::kSum, values);
  if (method == "max") return functions::Aggregate(Aggregation::kMaximum, values);
  if (method == "min") return functions::Aggregate(Aggregation::kMinimum, values);
  if (method == "last") return values.back();
  if (method == "absmax") return LargestMagnitude(values);
  if (method == "absmin") return SmallestMagnitude(values);
  return functions::Aggregate(Aggregation::kAverage, values);
}

// Whether the stored value and newer points give together what all points would have given.
bool IsCombinable(absl::string_view method) {
  return method == "max" || method == "min" || method == "last" || method == "absmax" ||
         method == "absmin";
}

// The index of the step that holds `time`, or the count of values where there is none.
size_t IndexOf(const StoredSeries& series, int64_t time) {
  if (time < series.start) return series.values.size();
  return std::min(static_cast<size_t>((time - series.start) / series.step), series.values.size());
}

void MergeFinest(const HotSeries& hot, StoredSeries& series) {
  for (size_t i = 0; i < hot.times.size(); ++i) {
    const size_t index = IndexOf(series, hot.times[i]);
    if (index < series.values.size()) series.values[index] = hot.values[i];
  }
}

void MergeCoarse(const HotSeries& hot, StoredSeries& series) {
  // A time that arrived twice counts once, with its later value.
  std::map<uint32_t, double> points;
  for (size_t i = 0; i < hot.times.size(); ++i) points[hot.times[i]] = hot.values[i];
  std::map<size_t, std::vector<double>> steps;
  for (const auto& [time, value] : points) {
    const size_t index = IndexOf(series, time);
    if (index < series.values.size()) steps[index].push_back(value);
  }
  for (auto& [index, values] : steps) {
    double& stored = series.values[index];
    if (!std::isnan(stored)) {
      if (!IsCombinable(series.aggregation_method)) continue;
      values.insert(values.begin(), stored);
    }
    stored = AggregateBy(series.aggregation_method, values);
  }
}

}  // namespace

void MergeStored(StoredSeries other, StoredSeries& series) {
  const bool is_same_shape = other.step == series.step && other.start == series.start &&
                             other.values.size() == series.values.size();
  if (is_same_shape) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (std::isnan(series.values[i])) series.values[i] = other.values[i];
    }
    return;
  }
  const bool is_better =
      other.step != series.step ? other.step < series.step : NullCount(other) < NullCount(series);
  if (is_better) series = std::move(other);
}

void MergeHot(const HotSeries& hot, StoredSeries& series) {
  if (series.finest_step == 0 || series.finest_step == series.step) {
    MergeFinest(hot, series);
  } else {
    MergeCoarse(hot, series);
  }
}

}  // namespace plumbago::query

// Functions about missing values: keepLastValue, interpolate, transformNull, isNonNull,
// removeAboveValue, removeBelowValue, compressPeriodicGaps.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

// Calls fill(first, last) for every run of nulls [first, last) of up to `gap_max` behind a value.
template <typename Fill>
void ForEachGap(size_t gap_max, const std::vector<double>& values, Fill fill) {
  size_t i = 0;
  while (i < values.size() && std::isnan(values[i])) ++i;
  while (i < values.size()) {
    if (!std::isnan(values[i])) {
      ++i;
      continue;
    }
    const size_t first = i;
    while (i < values.size() && std::isnan(values[i])) ++i;
    if (i - first <= gap_max) fill(first, i);
  }
}

size_t GapMax(const Arguments& arguments) {
  const auto* limit = std::get_if<int64_t>(&arguments.Get("limit"));
  if (limit == nullptr) return std::numeric_limits<size_t>::max();
  return *limit < 0 ? 0 : static_cast<size_t>(*limit);
}

absl::StatusOr<SeriesList> EvaluateKeepLastValue(Call& call) {
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("keepLastValue(", series.name, ")"));
    std::vector<double>& values = series.values.Mutable();
    ForEachGap(GapMax(call.arguments()), values, [&](size_t first, size_t last) {
      std::fill(&values[first], values.data() + last, values[first - 1]);
    });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateInterpolate(Call& call) {
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("interpolate(", series.name, ")"));
    std::vector<double>& values = series.values.Mutable();
    ForEachGap(GapMax(call.arguments()), values, [&](size_t first, size_t last) {
      if (last == values.size()) return;
      const double before = values[first - 1];
      const double rise = values[last] - before;
      const auto width = static_cast<double>(last - first + 1);
      for (size_t i = first; i < last; ++i) {
        values[i] = before + static_cast<double>(i - first + 1) * rise / width;
      }
    });
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

// At which indexes any of the series has a value.
std::vector<bool> AnyValue(const SeriesList& list) {
  std::vector<bool> any;
  for (const Series& series : list) {
    any.resize(std::max(any.size(), series.values.size()));
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (!std::isnan(series.values[i])) any[i] = true;
    }
  }
  return any;
}

absl::StatusOr<SeriesList> EvaluateTransformNull(Call& call) {
  const SeriesList& references = call.SeriesOf("referenceSeries");
  const std::vector<bool> is_wanted = AnyValue(references);
  const bool is_given = call.arguments().IsGiven("default");
  const double value_of_null = is_given ? call.arguments().Float("default") : 0;
  for (Series& series : call.series()) {
    series.tags.Set("transformNull", is_given ? PythonFloat(value_of_null) : "0");
    if (!references.empty()) series.tags.Set("referenceSeries", "1");
    series.RenameTo(absl::StrFormat("transformNull(%s,%g%s)", series.name, value_of_null,
                                    references.empty() ? "" : ",referenceSeries"));
    size_t i = 0;
    bool has_values = false;
    TransformValues(series, [&](double value) {
      const size_t index = i++;
      has_values |= !std::isnan(value);
      if (!std::isnan(value)) return value;
      const bool is_filled = references.empty() || (index < is_wanted.size() && is_wanted[index]);
      return is_filled ? value_of_null : kNull;
    });
    // Python's integer 0 between floats cannot be told apart from 0.0 here; alone it can.
    series.has_integer_values = !is_given && (series.has_integer_values || !has_values);
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateIsNonNull(Call& call) {
  for (Series& series : call.series()) {
    series.tags.Set("isNonNull", "1");
    series.RenameTo(absl::StrCat("isNonNull(", series.name, ")"));
    TransformValues(series, [](double value) { return std::isnan(value) ? 0.0 : 1.0; });
    series.has_integer_values = true;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateRemoveValue(Call& call) {
  const std::string& name = call.arguments().definition().name;
  const bool is_above = name == "removeAboveValue";
  const double limit = call.arguments().Float("n");
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrFormat("%s(%s, %g)", name, series.name, limit));
    TransformValues(series, [&](double value) {
      return (is_above ? value > limit : value < limit) ? kNull : value;
    });
  }
  return std::move(call.series());
}

struct Period {
  size_t first = 0;
  size_t points = 0;  // 0: there is none
};

// Two values with nulls around them tell a period, a third one confirms it. Zero counts as null, as
// in graphite-web.
Period PeriodOf(const std::vector<double>& values) {
  const auto is_there = [&](size_t i) { return !std::isnan(values[i]) && values[i] != 0; };
  std::vector<size_t> seen;
  for (size_t i = 0; i < values.size() && seen.size() < 2; ++i) {
    if (is_there(i)) seen.push_back(i);
  }
  if (seen.size() < 2) return {};
  const size_t points = seen[1] - seen[0];
  const size_t third = seen[1] + points;
  if (points < 2 || third + 2 > values.size() || !is_there(third)) return {};
  if (is_there(third - 1) || is_there(third + 1)) return {};
  return {seen[0], points};
}

absl::StatusOr<SeriesList> EvaluateCompressPeriodicGaps(Call& call) {
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("compressPeriodicGaps(", series.name, ")"));
    const std::vector<double>& values = series.values.get();
    const Period period = PeriodOf(values);
    if (period.points == 0) continue;
    std::vector<double> kept;
    for (size_t i = period.first; i < values.size(); i += period.points) {
      double last = kNull;
      for (size_t j = i; j < std::min(i + period.points, values.size()); ++j) {
        if (!std::isnan(values[j])) last = values[j];
      }
      kept.push_back(last);
    }
    series.start += static_cast<int64_t>(period.first) * series.step;
    series.step *= static_cast<int64_t>(period.points);
    series.end = series.start + series.step * (static_cast<int64_t>(kept.size()) - 1);
    series.values = std::move(kept);
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> NullFunctions() {
  const Parameter limit = Optional("limit", ParameterType::kIntegerOrInfinity, HUGE_VAL);
  const Parameter n = Required("n", ParameterType::kFloat);
  FunctionDefinition is_non_null =
      SeriesFunction("isNonNull", "Transform", "1 where there is a value, 0 where there is none.",
                     {}, EvaluateIsNonNull);
  is_non_null.aliases = {"isNotNull"};
  return {
      SeriesFunction("keepLastValue", "Transform",
                     "Fills gaps of up to limit points with the value before them.", {limit},
                     EvaluateKeepLastValue),
      SeriesFunction("interpolate", "Transform",
                     "Fills gaps of up to limit points with values on a line between their ends.",
                     {limit}, EvaluateInterpolate),
      SeriesFunction(
          "transformNull", "Transform",
          "Replaces nulls by default; with referenceSeries only where any of those has a "
          "value.",
          {Optional("default", ParameterType::kFloat),
           Optional("referenceSeries", ParameterType::kSeriesList)},
          EvaluateTransformNull),
      is_non_null,
      SeriesFunction("removeAboveValue", "Filter Data", "Drops the values above n.", {n},
                     EvaluateRemoveValue),
      SeriesFunction("removeBelowValue", "Filter Data", "Drops the values below n.", {n},
                     EvaluateRemoveValue),
      SeriesFunction(
          "compressPeriodicGaps", "Transform",
          "Where a series has a value only every few points, drops the gaps between them.", {},
          EvaluateCompressPeriodicGaps),
  };
}

}  // namespace plumbago::functions

// baseline and baselineAberration: what was usual at the same time of earlier periods.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/node_key.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kPeriodsMax = 1000;

// The range itself, then one for every period but the present one.
absl::StatusOr<std::vector<TimeRange>> Windows(WindowQuestion& question) {
  const Arguments& arguments = question.arguments();
  const std::string& text = arguments.String("timeShiftUnit");
  const bool is_unsigned =
      !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t unit,
                            ParseTimeOffset(absl::StrCat(is_unsigned ? "-" : "", text)));
  const int64_t first = arguments.Integer("start");
  const int64_t last = arguments.Integer("end");
  if (std::min(first, last) < -kPeriodsMax || std::max(first, last) > kPeriodsMax) {
    return absl::InvalidArgumentError(absl::StrCat(arguments.definition().name, "(): ", first,
                                                   " to ", last, " are more than ", kPeriodsMax,
                                                   " periods"));
  }
  const TimeRange& range = question.range();
  std::vector<TimeRange> windows = {range};
  for (int64_t i = first; i < last; ++i) {
    if (i != 0) windows.push_back({range.from + i * unit, range.until + i * unit});
  }
  return windows;
}

// The median of the copies at each point.
std::vector<double> Medians(const SeriesList& copies) {
  std::vector<double> medians(copies.front().values.size(), kNull);
  std::vector<double> row;
  for (size_t i = 0; i < medians.size(); ++i) {
    row.clear();
    for (const Series& copy : copies) {
      if (i < copy.values.size()) row.push_back(copy.values[i]);
    }
    medians[i] = Aggregate(Aggregation::kMedian, row);
  }
  return medians;
}

bool IsUsual(const Arguments& arguments, const std::vector<double>& medians) {
  const double present = Aggregate(Aggregation::kCount, medians);
  const auto size = static_cast<double>(medians.size());
  const double absent_percent = size == 0 ? 100 : std::floor(100 * (size - present) / size);
  if (present == 0) return false;
  if (absent_percent > arguments.OptionalFloat("maxAbsentPercent").value_or(100)) return false;
  const auto average_min = arguments.OptionalFloat("minAvg");
  return !average_min || Aggregate(Aggregation::kAverage, medians) >= *average_min;
}

// `present` over the baseline, which stays where it is 0.
void Compare(const Series& present, std::vector<double>& medians) {
  for (size_t i = 0; i < medians.size(); ++i) {
    const double value = i < present.values.size() ? present.values[i] : kNull;
    if (std::isnan(value)) {
      medians[i] = kNull;
    } else if (medians[i] != 0) {
      medians[i] = value / medians[i];
    }
  }
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const std::string& name = call.arguments().definition().name;
  const bool is_aberration = name == "baselineAberration";
  absl::flat_hash_map<std::string, const Series*> present;
  for (const Series& series : call.series(0)) present.emplace(series.name, &series);
  SeriesList copies;
  for (size_t window = 1; window < call.window_count(); ++window) {
    for (Series& series : call.series(window)) {
      if (is_aberration && !present.contains(series.name)) continue;
      const int64_t shift = call.range().from - call.window(window).from;
      series.start += shift;
      series.end += shift;
      copies.push_back(std::move(series));
    }
  }
  SeriesList results;
  for (Group& group :
       GroupBy(std::move(copies), [](const Series& series) { return series.name; })) {
    std::vector<double> medians = Medians(group.list);
    if (!IsUsual(call.arguments(), medians)) continue;
    if (is_aberration) Compare(*present.at(group.key), medians);
    Series result = std::move(group.list.front());
    result.values = std::move(medians);
    result.has_integer_values = false;
    result.RenameTo(absl::StrCat(name, "(", group.key, ")"));
    results.push_back(std::move(result));
  }
  return results;
}

FunctionDefinition Definition(const char* name, const char* description) {
  return {.name = name,
          .group = "Calculate",
          .description = description,
          .parameters = {SeriesParameter(), Required("timeShiftUnit", ParameterType::kInterval),
                         Required("start", ParameterType::kInteger),
                         Required("end", ParameterType::kInteger),
                         Optional("maxAbsentPercent", ParameterType::kFloat),
                         Optional("minAvg", ParameterType::kFloat)},
          .windows = Windows,
          .evaluate = Evaluate};
}

}  // namespace

std::vector<FunctionDefinition> BaselineFunctions() {
  return {
      Definition("baseline",
                 "The median of the values start to end - 1 times timeShiftUnit ago, 0 left out."),
      Definition("baselineAberration", "The values divided by their baseline."),
  };
}

}  // namespace plumbago::functions

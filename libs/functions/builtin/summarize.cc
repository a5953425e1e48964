// summarize and smartSummarize: one value for every interval of a series.
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/calendar.h"
#include "functions/builtin/family.h"

namespace plumbago::functions {
namespace {

struct Buckets {
  int64_t start = 0;
  int64_t end = 0;
  int64_t interval = 1;
  int64_t count() const { return end > start ? (end - start + interval - 1) / interval : 0; }
};

Buckets BucketsOf(const Series& series, int64_t interval, bool is_aligned_to_from) {
  if (is_aligned_to_from) return {series.start, series.end, interval};
  return {series.start - series.start % interval, series.end - series.end % interval + interval,
          interval};
}

// One value a bucket; null where the share of values among the points that fit into a bucket is
// below the series' xFilesFactor.
std::vector<double> Summarized(const Series& series, Aggregation aggregation,
                               const Buckets& buckets) {
  const auto points_per_bucket =
      static_cast<double>(buckets.interval) / static_cast<double>(series.step);
  const int64_t covered =
      std::max<int64_t>((series.end - series.start + series.step - 1) / series.step, 0);
  const size_t point_count = std::min(series.values.size(), static_cast<size_t>(covered));
  std::vector<double> result;
  result.reserve(static_cast<size_t>(buckets.count()));
  size_t next = 0;
  for (int64_t time = buckets.start; time < buckets.end; time += buckets.interval) {
    const size_t first = next;
    size_t value_count = 0;
    while (next < point_count &&
           series.start + static_cast<int64_t>(next) * series.step < time + buckets.interval) {
      value_count += !std::isnan(series.values[next]);
      ++next;
    }
    const bool is_enough =
        value_count > 0 &&
        static_cast<double>(value_count) / points_per_bucket >= series.x_files_factor;
    const absl::Span<const double> points(series.values.begin() + first, next - first);
    result.push_back(is_enough ? Aggregate(aggregation, points) : kNull);
  }
  return result;
}

absl::StatusOr<int64_t> IntervalOf(const Call& call) {
  const absl::StatusOr<int64_t> interval = ParseInterval(call.arguments().String("intervalString"));
  if (interval.ok()) return interval;
  return base::Annotate(interval.status(), absl::StrCat(call.arguments().definition().name, "()"));
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t interval, IntervalOf(call));
  const std::string& name = call.arguments().definition().name;
  const std::string& text = call.arguments().String("intervalString");
  const std::string& function = call.arguments().String("func");
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(function));
  const bool is_smart = name == "smartSummarize";
  const bool is_aligned_to_from = !is_smart && call.arguments().Boolean("alignToFrom");

  for (Series& series : call.series()) {
    const Buckets buckets = BucketsOf(series, interval, is_smart || is_aligned_to_from);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(buckets.count()));
    series.values = Summarized(series, aggregation, buckets);
    series.tags.Set(name, text);
    series.tags.Set(absl::StrCat(name, "Function"), function);
    series.RenameTo(absl::StrCat(name, "(", series.name, ", \"", text, "\", \"", function, "\"",
                                 is_aligned_to_from ? ", true)" : ")"));
    series.start = buckets.start;
    series.end = buckets.start + buckets.count() * interval;
    series.step = interval;
    series.has_integer_values = aggregation == Aggregation::kCount ||
                                (series.has_integer_values && KeepsIntegers(aggregation));
  }
  return std::move(call.series());
}

absl::StatusOr<std::vector<TimeRange>> AlignedWindow(WindowQuestion& question) {
  TimeRange range = question.range();
  const Value& align_to = question.arguments().Get("alignTo");
  const auto* text = std::get_if<std::string>(&align_to);
  if (text != nullptr && !absl::EqualsIgnoreCase(*text, "true") &&
      !absl::EqualsIgnoreCase(*text, "false")) {
    PLUMBAGO_ASSIGN_OR_RETURN(const CalendarUnit unit, ParseCalendarUnit(*text));
    range.from = StartOf(unit, range.from, question.context().zone);
  }
  return std::vector<TimeRange>{range};
}

FunctionDefinition Definition(const char* name, const char* description) {
  Parameter interval = Required("intervalString", ParameterType::kInterval);
  interval.suggestions = {std::string("10min"), std::string("1h"), std::string("1d")};
  return {.name = name,
          .group = "Transform",
          .description = description,
          .parameters = {SeriesParameter(), interval,
                         Optional("func", ParameterType::kAggregation, std::string("sum"))},
          .evaluate = Evaluate};
}

}  // namespace

std::vector<FunctionDefinition> SummarizeFunctions() {
  FunctionDefinition summarize =
      Definition("summarize",
                 "One value for every interval, made from its points by func. Intervals start at "
                 "multiples of their length, or with alignToFrom at the start.");
  summarize.parameters.push_back(Optional("alignToFrom", ParameterType::kBoolean, false));
  FunctionDefinition smart = Definition(
      "smartSummarize",
      "One value for every interval, made from its points by func. Intervals start at the start, "
      "which alignTo moves back to the beginning of its year, month, week (weeks1 to weeks7: on "
      "that weekday), day, hour or minute.");
  smart.parameters.push_back(Optional("alignTo", ParameterType::kStringOrBoolean));
  smart.windows = AlignedWindow;
  return {summarize, smart};
}

}  // namespace plumbago::functions

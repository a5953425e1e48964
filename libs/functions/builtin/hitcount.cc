// hitcount, slo and sloErrorBudget: values spread over, or judged in, intervals.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/calendar.h"
#include "functions/builtin/family.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<int64_t> IntervalOf(const Arguments& arguments, const char* parameter) {
  const absl::StatusOr<int64_t> interval = ParseInterval(arguments.String(parameter));
  if (interval.ok()) return interval;
  return base::Annotate(interval.status(), absl::StrCat(arguments.definition().name, "()"));
}

int64_t CeilDivide(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

// With alignToInterval the data starts with a whole minute, hour or day.
absl::StatusOr<std::vector<TimeRange>> HitcountWindow(WindowQuestion& question) {
  TimeRange range = question.range();
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t interval,
                            IntervalOf(question.arguments(), "intervalString"));
  if (question.arguments().Boolean("alignToInterval")) {
    CalendarUnit unit;
    if (interval >= 86400) {
      unit.kind = CalendarUnit::Kind::kDay;
    } else if (interval >= 3600) {
      unit.kind = CalendarUnit::Kind::kHour;
    } else if (interval >= 60) {
      unit.kind = CalendarUnit::Kind::kMinute;
    }
    range.from = StartOf(unit, range.from, question.context().zone);
  }
  return std::vector<TimeRange>{range};
}

// Every value is a rate during its step: its hits go to the intervals that the step overlaps.
std::vector<double> Hits(const Series& series, int64_t start, int64_t interval, int64_t count) {
  std::vector<double> hits(static_cast<size_t>(count), kNull);
  for (size_t i = 0; i < series.values.size(); ++i) {
    const double rate = series.values[i];
    if (std::isnan(rate)) continue;
    const int64_t from = series.start + static_cast<int64_t>(i) * series.step - start;
    const int64_t until = std::min(from + series.step, count * interval);
    for (int64_t at = std::max<int64_t>(from, 0); at < until;) {
      const int64_t bucket = at / interval;
      const int64_t next = std::min((bucket + 1) * interval, until);
      double& sum = hits[static_cast<size_t>(bucket)];
      sum = (std::isnan(sum) ? 0 : sum) + rate * static_cast<double>(next - at);
      at = next;
    }
  }
  return hits;
}

absl::StatusOr<SeriesList> EvaluateHitcount(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t interval, IntervalOf(call.arguments(), "intervalString"));
  const std::string& text = call.arguments().String("intervalString");
  const bool is_aligned = call.arguments().Boolean("alignToInterval");
  for (Series& series : call.series()) {
    if (is_aligned) {
      series.end = series.start + ((series.end - series.start) / interval + 1) * interval;
    }
    const int64_t count = std::max<int64_t>(CeilDivide(series.end - series.start, interval), 0);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(count));
    const int64_t start = series.end - count * interval;
    series.values = Hits(series, start, interval, count);
    series.start = start;
    series.step = interval;
    series.tags.Set("hitcount", text);
    series.RenameTo(
        absl::StrCat("hitcount(", series.name, ", \"", text, "\"", is_aligned ? ", true)" : ")"));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

using Predicate = bool (*)(double value, double limit);

absl::StatusOr<Predicate> PredicateOf(const Call& call) {
  static constexpr std::pair<const char*, Predicate> kMethods[] = {
      {"above", [](double value, double limit) { return value > limit; }},
      {"aboveOrEqual", [](double value, double limit) { return value >= limit; }},
      {"below", [](double value, double limit) { return value < limit; }},
      {"belowOrEqual", [](double value, double limit) { return value <= limit; }}};
  const std::string& method = call.arguments().String("method");
  for (const auto& [name, predicate] : kMethods) {
    if (method == name) return predicate;
  }
  return Refused(call, "method is \"", base::Excerpt(method),
                 "\"; use above, aboveOrEqual, below or belowOrEqual");
}

absl::StatusOr<std::vector<TimeRange>> SloWindow(WindowQuestion& question) {
  TimeRange range = question.range();
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t interval, IntervalOf(question.arguments(), "interval"));
  range.from = std::min(range.from, range.until - interval);
  return std::vector<TimeRange>{range};
}

// The share of values in each interval that meet the objective.
std::vector<double> Shares(const Series& series, int64_t interval, int64_t count,
                           Predicate predicate, double limit) {
  std::vector<double> met(static_cast<size_t>(count), 0);
  std::vector<double> present(static_cast<size_t>(count), 0);
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (std::isnan(series.values[i])) continue;
    const auto bucket = static_cast<size_t>(static_cast<int64_t>(i) * series.step / interval);
    if (bucket >= met.size()) break;
    ++present[bucket];
    if (predicate(series.values[i], limit)) ++met[bucket];
  }
  for (size_t i = 0; i < met.size(); ++i) met[i] = present[i] > 0 ? met[i] / present[i] : kNull;
  return met;
}

absl::StatusOr<SeriesList> EvaluateSlo(Call& call) {
  const Arguments& arguments = call.arguments();
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t interval, IntervalOf(arguments, "interval"));
  PLUMBAGO_ASSIGN_OR_RETURN(const Predicate predicate, PredicateOf(call));
  const bool is_budget = arguments.definition().name == "sloErrorBudget";
  std::string shown = absl::StrCat(", ", arguments.String("interval"), ", ",
                                   arguments.String("method"), ", ", arguments.Float("value"));
  if (is_budget) absl::StrAppend(&shown, ", ", arguments.Float("objective"));
  for (Series& series : call.series()) {
    const auto span = static_cast<int64_t>(series.values.size()) * series.step;
    const int64_t count = CeilDivide(span, interval);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(count));
    std::vector<double> values =
        series.step > interval
            ? std::vector<double>(static_cast<size_t>(count), kNull)
            : Shares(series, interval, count, predicate, arguments.Float("value"));
    for (size_t i = 0; is_budget && i < values.size(); ++i) {
      const int64_t seconds = std::min(interval, span - static_cast<int64_t>(i) * interval);
      values[i] = (values[i] - arguments.Float("objective")) * static_cast<double>(seconds);
    }
    series.values = std::move(values);
    series.RenameTo(absl::StrCat(arguments.definition().name, "(", series.name, shown, ")"));
    series.end = series.start + count * interval;
    series.step = interval;
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> HitcountFunctions() {
  const std::vector<Parameter> objective = {
      SeriesParameter(), Required("interval", ParameterType::kInterval),
      Required("method", ParameterType::kString), Required("value", ParameterType::kFloat)};
  std::vector<Parameter> budget = objective;
  budget.push_back(Required("objective", ParameterType::kFloat));
  return {
      {.name = "hitcount",
       .group = "Transform",
       .description = "Hits per interval, where the values are hits per second. Intervals end with "
                      "the end, or with alignToInterval start with a whole minute, hour or day.",
       .parameters = {SeriesParameter(), Required("intervalString", ParameterType::kInterval),
                      Optional("alignToInterval", ParameterType::kBoolean, false)},
       .windows = HitcountWindow,
       .evaluate = EvaluateHitcount},
      {.name = "slo",
       .group = "Transform",
       .description = "The share of values in every interval that are above, aboveOrEqual, below "
                      "or belowOrEqual value.",
       .parameters = objective,
       .windows = SloWindow,
       .evaluate = EvaluateSlo},
      {.name = "sloErrorBudget",
       .group = "Transform",
       .description = "Seconds of every interval by which the share of slo() is above objective.",
       .parameters = budget,
       .windows = SloWindow,
       .evaluate = EvaluateSlo},
  };
}

}  // namespace plumbago::functions

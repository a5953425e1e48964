// Functions of the values before: derivative, nonNegativeDerivative, perSecond, integral,
// integralByInterval, integralWithReset, delay and changed.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/counter_delta.h"
#include "functions/builtin/family.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

// Renames and tags; the caller computes the values.
void Name(const Call& call, Series& series) {
  const std::string& name = call.arguments().definition().name;
  series.tags.Set(name, "1");
  series.RenameTo(absl::StrCat(name, "(", series.name, ")"));
}

absl::StatusOr<SeriesList> EvaluateDerivative(Call& call) {
  for (Series& series : call.series()) {
    Name(call, series);
    double previous = kNull;
    TransformValues(series, [&](double value) {
      const double difference = value - previous;  // null if either is
      previous = value;
      return difference;
    });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateCounter(Call& call) {
  const auto maximum = call.arguments().OptionalFloat("maxValue");
  const auto minimum = call.arguments().OptionalFloat("minValue");
  const bool is_per_second = call.arguments().definition().name == "perSecond";
  for (Series& series : call.series()) {
    Name(call, series);
    CounterDelta delta(maximum, minimum);
    const auto step = static_cast<double>(series.step);
    TransformValues(series, [&](double value) {
      const double growth = delta.Next(value);
      return is_per_second ? RoundToMicros(growth / step) : growth;
    });
    series.has_integer_values &= !is_per_second;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateIntegral(Call& call) {
  for (Series& series : call.series()) {
    Name(call, series);
    double sum = 0;
    TransformValues(series, [&](double value) {
      if (std::isnan(value)) return value;
      return sum += value;
    });
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

int64_t FloorDivide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

absl::StatusOr<SeriesList> EvaluateIntegralByInterval(Call& call) {
  const std::string& unit = call.arguments().String("intervalUnit");
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t offset, ParseTimeOffset(unit));
  const int64_t interval = std::abs(offset);
  if (interval == 0) return Refused(call, "intervalUnit is ", unit, ", not at least 1s");
  for (Series& series : call.series()) {
    double sum = 0;
    int64_t since = series.start - call.range().from;
    TransformValues(series, [&](double value) {
      if (FloorDivide(since, interval) != FloorDivide(since - series.step, interval)) sum = 0;
      since += series.step;
      return sum += std::isnan(value) ? 0 : value;
    });
    series.tags.Set("integralByInterval", unit);
    series.RenameTo(absl::StrCat("integralByInterval(", series.name, ",'", unit, "')"));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateIntegralWithReset(Call& call) {
  const SeriesList& resetting = call.SeriesOf("resettingSeries");
  if (call.series().empty()) return SeriesList{};
  if (resetting.size() != 1) {
    return Refused(call, "resettingSeries is ", resetting.size(), " series, not exactly one");
  }
  const Series& reset = resetting.front();
  for (Series& series : call.series()) {
    if (series.step != reset.step || series.values.size() != reset.values.size()) {
      return Refused(call, series.name, " and ", reset.name, " differ in step or length");
    }
    series.tags.Set("integralWithReset", "1");
    series.RenameTo(absl::StrCat("integralWithReset(", series.name, ",", reset.name, ")"));
    double sum = 0;
    size_t i = 0;
    TransformValues(series, [&](double value) {
      const double mark = reset.values[i++];
      if (!std::isnan(mark) && mark != 0) return sum = 0;
      if (std::isnan(value)) return value;
      return sum += value;
    });
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateDelay(Call& call) {
  const int64_t steps = call.arguments().Integer("steps");
  for (Series& series : call.series()) {
    std::vector<double>& values = series.values.Mutable();
    const auto size = static_cast<int64_t>(values.size());
    const int64_t shift = std::clamp(steps, -size, size);
    if (shift >= 0) {
      std::move_backward(values.begin(), values.end() - shift, values.end());
      std::fill(values.begin(), values.begin() + shift, kNull);
    } else {
      std::move(values.begin() - shift, values.end(), values.begin());
      std::fill(values.end() + shift, values.end(), kNull);
    }
    series.tags.Set("delay", absl::StrCat(steps));
    series.RenameTo(absl::StrCat("delay(", series.name, ",", steps, ")"));
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateChanged(Call& call) {
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("changed(", series.name, ")"));
    double previous = kNull;
    TransformValues(series, [&](double value) {
      const bool is_change = !std::isnan(value) && !std::isnan(previous) && value != previous;
      if (!std::isnan(value)) previous = value;
      return is_change ? 1.0 : 0.0;
    });
    series.has_integer_values = true;
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> GrowthFunctions() {
  const std::vector<Parameter> counter = {SeriesParameter(),
                                          Optional("maxValue", ParameterType::kFloat),
                                          Optional("minValue", ParameterType::kFloat)};
  return {
      {.name = "derivative",
       .group = "Transform",
       .description = "The difference of every value to the one before it.",
       .parameters = {SeriesParameter()},
       .evaluate = EvaluateDerivative},
      {.name = "nonNegativeDerivative",
       .group = "Transform",
       .description = "The growth of a counter between points. Where it falls there is no value, "
                      "unless maxValue says where it wraps or minValue where it restarts.",
       .parameters = counter,
       .evaluate = EvaluateCounter},
      {.name = "perSecond",
       .group = "Transform",
       .description = "The growth of a counter per second. Where it falls there is no value, "
                      "unless maxValue says where it wraps or minValue where it restarts.",
       .parameters = counter,
       .evaluate = EvaluateCounter},
      {.name = "integral",
       .group = "Transform",
       .description = "The sum of all values so far.",
       .parameters = {SeriesParameter()},
       .evaluate = EvaluateIntegral},
      {.name = "integralByInterval",
       .group = "Transform",
       .description = "The sum of the values so far, from 0 again in every interval.",
       .parameters = {SeriesParameter(), Required("intervalUnit", ParameterType::kInterval)},
       .evaluate = EvaluateIntegralByInterval},
      {.name = "integralWithReset",
       .group = "Transform",
       .description = "The sum of the values so far, from 0 again where the resetting series has "
                      "a value other than 0.",
       .parameters = {SeriesParameter(), Required("resettingSeries", ParameterType::kSeriesList)},
       .evaluate = EvaluateIntegralWithReset},
      {.name = "delay",
       .group = "Transform",
       .description = "Moves the values so many steps to the right, or left if negative.",
       .parameters = {SeriesParameter(), Required("steps", ParameterType::kInteger)},
       .evaluate = EvaluateDelay},
      {.name = "changed",
       .group = "Special",
       .description = "1 where a value differs from the one before it, else 0.",
       .parameters = {SeriesParameter()},
       .evaluate = EvaluateChanged},
  };
}

}  // namespace plumbago::functions

// Functions that change every value by itself: absolute, add, offset, offsetToZero, scale,
// scaleToSeconds, scaleAfterTimestamp, invert, squareRoot, pow, exp, log, logit, sigmoid, minMax
// and round.
#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/power.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kRoundDigitsMax = 323;  // the smallest number has no more

// A function of the value alone; what has no finite result is null.
struct Plain {
  const char* name;
  const char* tag;
  const char* description;
  double (*apply)(double value);
};

constexpr Plain kPlain[] = {
    {"absolute", "1", "The absolute value of every value.", [](double v) { return std::fabs(v); }},
    {"invert", "1", "One divided by every value; zeros become null.",
     [](double v) { return Power(v, -1); }},
    {"squareRoot", "1", "The square root of every value; negative ones become null.",
     [](double v) { return Power(v, 0.5); }},
    {"exp", "e", "e raised to every value.", [](double v) { return FiniteOrNull(std::exp(v)); }},
    {"logit", "logit", "ln(v / (1 - v)) of every value between 0 and 1; others become null.",
     [](double v) { return v > 0 && v < 1 ? std::log(v / (1 - v)) : kNull; }},
    {"sigmoid", "sigmoid", "1 / (1 + e^-v) of every value.",
     [](double v) { return 1 / (1 + std::exp(-v)); }},
};

absl::StatusOr<SeriesList> EvaluatePlain(Call& call) {
  const std::string& name = call.arguments().definition().name;
  const Plain* plain = kPlain;
  while (name != plain->name) ++plain;
  for (Series& series : call.series()) {
    series.tags.Set(name, plain->tag);
    series.RenameTo(absl::StrCat(name, "(", series.name, ")"));
    TransformValues(series, plain->apply);
    series.has_integer_values &= name == "absolute";
  }
  return std::move(call.series());
}

void Finish(Call& call, std::string shown, std::string tag, Series& series) {
  const std::string& name = call.arguments().definition().name;
  series.tags.Set(name, tag);
  series.RenameTo(absl::StrCat(name, "(", series.name, ",", shown, ")"));
  series.has_integer_values = false;
}

absl::StatusOr<SeriesList> EvaluateAdd(Call& call) {
  const double constant = call.arguments().Float("constant");
  const std::string shown = absl::StrFormat("%.0f", std::trunc(constant) + 0.0);
  for (Series& series : call.series()) {
    Finish(call, shown, PythonFloat(constant), series);
    TransformValues(series, [&](double value) { return value + constant; });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateWithFactor(Call& call) {
  const double factor = call.arguments().Float("factor");
  const std::string& name = call.arguments().definition().name;
  for (Series& series : call.series()) {
    Finish(call, absl::StrFormat("%g", factor), PythonFloat(factor), series);
    TransformValues(series, [&](double value) {
      if (name == "scale") return value * factor;
      return name == "offset" ? value + factor : Power(value, factor);
    });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateScaleToSeconds(Call& call) {
  const double seconds = call.arguments().Float("seconds");
  const std::string shown = absl::StrFormat("%.0f", std::trunc(seconds) + 0.0);
  for (Series& series : call.series()) {
    Finish(call, shown, PythonFloat(seconds), series);
    const double factor = seconds / static_cast<double>(series.step);
    TransformValues(series, [&](double value) { return RoundToMicros(value * factor); });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateScaleAfterTimestamp(Call& call) {
  const double factor = call.arguments().Float("factor");
  const int64_t first = call.arguments().Integer("timestamp");
  for (Series& series : call.series()) {
    series.tags.Set("scale", PythonFloat(factor));
    series.RenameTo(absl::StrFormat("scale(%s,%g,%d)", series.name, factor, first));
    series.has_integer_values = false;
    int64_t time = series.start;
    TransformValues(series, [&](double value) {
      const double scaled = time >= first ? value * factor : value;
      time += series.step;
      return scaled;
    });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateOffsetToZero(Call& call) {
  for (Series& series : call.series()) {
    const double minimum = Aggregate(Aggregation::kMinimum, series.values.get());
    std::string tag = "None";
    if (!std::isnan(minimum)) {
      tag = series.has_integer_values ? absl::StrFormat("%.0f", minimum) : PythonFloat(minimum);
    }
    series.tags.Set("offsetToZero", tag);
    series.RenameTo(absl::StrCat("offsetToZero(", series.name, ")"));
    TransformValues(series, [&](double value) { return value - minimum; });
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateLog(Call& call) {
  const int64_t base = call.arguments().Integer("base");
  if (base < 2) return Refused(call, "base is ", base, ", not at least 2");
  const bool is_carbonapi = call.arguments().definition().name == "logarithm";
  const double divisor = std::log(static_cast<double>(base));
  for (Series& series : call.series()) {
    series.tags.Set("log", absl::StrCat(base));
    if (is_carbonapi) {
      const std::string shown = base == 10 ? "" : absl::StrCat(",", base);
      series.RenameTo(absl::StrCat("logarithm(", series.name, shown, ")"));
    } else {
      series.RenameTo(absl::StrCat("log(", series.name, ", ", base, ")"));
    }
    TransformValues(series,
                    [&](double value) { return value > 0 ? std::log(value) / divisor : kNull; });
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateMinMax(Call& call) {
  for (Series& series : call.series()) {
    const double minimum = Aggregate(Aggregation::kMinimum, series.values.get());
    const double width = Aggregate(Aggregation::kRange, series.values.get());
    series.RenameTo(absl::StrCat("minMax(", series.name, ")"));
    TransformValues(series, [&](double value) {
      if (std::isnan(value)) return value;
      return width == 0 ? 0.0 : (value - minimum) / width;
    });
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

// As Python rounds: the decimal of so many digits that is nearest to the exact value.
double RoundTo(int64_t digits, double value) {
  if (!std::isfinite(value) || digits > kRoundDigitsMax) return value;
  if (digits < -kRoundDigitsMax) return std::copysign(0.0, value);
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return std::isinf(unit) ? std::copysign(0.0, value) : std::nearbyint(value / unit) * unit;
  }
  if (digits == 0) return std::nearbyint(value);
  char buffer[1100];
  const auto text = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed,
                                  static_cast<int>(digits));
  double result = value;
  std::from_chars(buffer, text.ptr, result);
  return result;
}

absl::StatusOr<SeriesList> EvaluateRound(Call& call) {
  const bool is_given = call.arguments().IsGiven("precision");
  const int64_t digits = is_given ? call.arguments().Integer("precision") : 0;
  for (Series& series : call.series()) {
    series.tags.Set("round", absl::StrCat(digits));
    series.RenameTo(is_given ? absl::StrFormat("round(%s,%g)", series.name, digits)
                             : absl::StrCat("round(", series.name, ")"));
    TransformValues(series, [&](double value) { return RoundTo(digits, value); });
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> ArithmeticFunctions() {
  const Parameter factor = Required("factor", ParameterType::kFloat);
  const Parameter base = Optional("base", ParameterType::kInteger, int64_t{10});
  std::vector<FunctionDefinition> family = {
      SeriesFunction("add", "Transform", "Adds a constant to every value.",
                     {Required("constant", ParameterType::kFloat)}, EvaluateAdd),
      SeriesFunction("offset", "Transform", "Adds the constant factor to every value.", {factor},
                     EvaluateWithFactor),
      SeriesFunction("scale", "Transform", "Multiplies every value by factor.", {factor},
                     EvaluateWithFactor),
      SeriesFunction("pow", "Transform", "Raises every value to the power factor.", {factor},
                     EvaluateWithFactor),
      SeriesFunction("offsetToZero", "Transform",
                     "Subtracts the least value of each series from its values.", {},
                     EvaluateOffsetToZero),
      SeriesFunction("scaleToSeconds", "Transform",
                     "Values per step become values per so many seconds.",
                     {Required("seconds", ParameterType::kFloat)}, EvaluateScaleToSeconds),
      SeriesFunction("scaleAfterTimestamp", "Transform",
                     "Multiplies the values from timestamp on by factor.",
                     {factor, Optional("timestamp", ParameterType::kInteger, int64_t{0})},
                     EvaluateScaleAfterTimestamp),
      SeriesFunction("log", "Transform", "The logarithm of every value; null where there is none.",
                     {base}, EvaluateLog),
      SeriesFunction("logarithm", "Transform", "As log, with carbonapi's name.", {base},
                     EvaluateLog),
      SeriesFunction("minMax", "Transform", "Scales the values of each series to 0 ... 1.", {},
                     EvaluateMinMax),
      SeriesFunction("round", "Transform", "Rounds every value to so many decimal places.",
                     {Optional("precision", ParameterType::kInteger)}, EvaluateRound),
  };
  for (const Plain& plain : kPlain) {
    family.push_back(SeriesFunction(plain.name, "Transform", plain.description, {}, EvaluatePlain));
  }
  return family;
}

}  // namespace plumbago::functions

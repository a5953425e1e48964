// Lines and curves through the values: linearRegression, polyfit and aggregateLine.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/lines.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kDegreeMax = 32;

// The range itself, for the points shown, and the one that the line is fitted to.
absl::StatusOr<std::vector<TimeRange>> SourceWindows(WindowQuestion& question) {
  TimeRange source = question.range();
  const EvaluationContext& context = question.context();
  for (const auto& [name, time] :
       {std::pair("startSourceAt", &source.from), std::pair("endSourceAt", &source.until)}) {
    if (!question.arguments().IsGiven(name)) continue;
    PLUMBAGO_ASSIGN_OR_RETURN(
        *time, ParseAtTime(question.arguments().String(name), context.now, context.zone));
  }
  return std::vector<TimeRange>{question.range(), source};
}

struct Line {
  double factor = kNull;  // per second
  double offset = kNull;  // at 1970
};

// Least squares over index and value; nulls where there are not two values.
Line FittedLine(const Series& series) {
  double n = 0;
  double sum_i = 0;
  double sum_v = 0;
  double sum_ii = 0;
  double sum_iv = 0;
  for (size_t index = 0; index < series.values.size(); ++index) {
    const double v = series.values[index];
    if (std::isnan(v)) continue;
    const auto i = static_cast<double>(index);
    n += 1;
    sum_i += i;
    sum_v += v;
    sum_ii += i * i;
    sum_iv += i * v;
  }
  const double denominator = n * sum_ii - sum_i * sum_i;
  if (denominator == 0) return {};
  Line line;
  line.factor = (n * sum_iv - sum_i * sum_v) / denominator / static_cast<double>(series.step);
  line.offset = (sum_ii * sum_v - sum_iv * sum_i) / denominator -
                line.factor * static_cast<double>(series.start);
  return line;
}

absl::StatusOr<SeriesList> EvaluateLinear(Call& call) {
  SeriesList& shown = call.series(0);
  const SeriesList& sources = call.series(1);
  const TimeRange& source = call.window(1);
  SeriesList results;
  for (size_t i = 0; i < std::min(shown.size(), sources.size()); ++i) {
    const Line line = FittedLine(sources[i]);
    if (std::isnan(line.factor)) continue;
    Series& series = shown[i];
    int64_t time = series.start;
    TransformValues(series, [&](double) {
      const double value = line.offset + static_cast<double>(time) * line.factor;
      time += series.step;
      return value;
    });
    series.tags.Set("linearRegressions", absl::StrCat(source.from, ", ", source.until));
    series.RenameTo(
        absl::StrCat("linearRegression(", series.name, ", ", source.from, ", ", source.until, ")"));
    series.has_integer_values = false;
    results.push_back(std::move(series));
  }
  return results;
}

// Coefficients of the polynomial nearest to the values over index / scale, by the normal equations;
// empty where they have no solution.
std::vector<double> FittedPolynomial(const std::vector<double>& values, size_t degree,
                                     double scale) {
  const size_t size = degree + 1;
  std::vector<double> powers(2 * size, 0);
  std::vector<std::vector<double>> rows(size, std::vector<double>(size + 1, 0));
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const double x = static_cast<double>(i) / scale;
    double power = 1;
    for (size_t k = 0; k < powers.size(); ++k, power *= x) {
      powers[k] += power;
      if (k < size) rows[k][size] += power * values[i];
    }
  }
  for (size_t row = 0; row < size; ++row) {
    for (size_t column = 0; column < size; ++column) rows[row][column] = powers[row + column];
  }
  for (size_t pivot = 0; pivot < size; ++pivot) {
    size_t best = pivot;
    for (size_t row = pivot; row < size; ++row) {
      if (std::fabs(rows[row][pivot]) > std::fabs(rows[best][pivot])) best = row;
    }
    std::swap(rows[pivot], rows[best]);
    if (rows[pivot][pivot] == 0) return {};
    for (size_t row = 0; row < size; ++row) {
      if (row == pivot) continue;
      const double factor = rows[row][pivot] / rows[pivot][pivot];
      for (size_t k = pivot; k <= size; ++k) rows[row][k] -= factor * rows[pivot][k];
    }
  }
  std::vector<double> coefficients;
  for (size_t i = 0; i < size; ++i) coefficients.push_back(rows[i][size] / rows[i][i]);
  return coefficients;
}

absl::StatusOr<SeriesList> EvaluatePolyfit(Call& call) {
  const int64_t degree = call.arguments().Integer("degree");
  const std::string& offset = call.arguments().String("offset");
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t seconds, ParseTimeOffset(offset));
  if (degree < 1 || degree > kDegreeMax) {
    return Refused(call, "degree is ", degree, ", not 1 to ", kDegreeMax);
  }
  const std::string shown = offset != "0d"
                                ? absl::StrCat(",", degree, ",'", offset, "'")
                                : (degree != 1 ? absl::StrCat(",", degree) : std::string());
  for (Series& series : call.series()) {
    const int64_t added = std::max<int64_t>(seconds / series.step, 0);
    PLUMBAGO_RETURN_IF_ERROR(call.ChargePoints(added));
    std::vector<double>& values = series.values.Mutable();
    const double scale = std::max<double>(1, static_cast<double>(values.size()));
    const double present = Aggregate(Aggregation::kCount, values);
    std::vector<double> coefficients;
    if (present >= 2) {
      coefficients = FittedPolynomial(values, static_cast<size_t>(degree), scale);
    }
    values.resize(values.size() + static_cast<size_t>(added), kNull);
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = static_cast<double>(i) / scale;
      double sum = coefficients.empty() ? kNull : 0;
      for (size_t k = coefficients.size(); k > 0; --k) sum = sum * x + coefficients[k - 1];
      values[i] = sum;
    }
    series.end += added * series.step;
    series.RenameTo(absl::StrCat("polyfit(", series.name, shown, ")"));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateAggregateLine(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation,
                            ParseAggregation(call.arguments().String("func")));
  const bool keeps_step = call.arguments().Boolean("keepStep");
  SeriesList results;
  for (Series& series : call.series()) {
    const double value = Aggregate(aggregation, series.values.get());
    const bool is_integer = aggregation == Aggregation::kCount ||
                            (series.has_integer_values && KeepsIntegers(aggregation));
    const std::string name = std::isnan(value)
                                 ? absl::StrCat("aggregateLine(", series.name, ", None)")
                                 : absl::StrFormat("aggregateLine(%s, %g)", series.name, value);
    Series line = keeps_step ? series : ConstantLineOf(call, value);
    if (keeps_step) TransformValues(line, [&](double) { return value; });
    if (!keeps_step && std::isnan(value)) line.tags.Set("name", "None");
    if (!keeps_step && is_integer) line.tags.Set("name", absl::StrFormat("%.0f", value));
    line.RenameTo(name);
    line.has_integer_values = is_integer;
    results.push_back(std::move(line));
  }
  return results;
}

}  // namespace

std::vector<FunctionDefinition> RegressionFunctions() {
  return {
      {.name = "linearRegression",
       .group = "Calculate",
       .description = "The straight line nearest to the values of the range, or of startSourceAt "
                      "... endSourceAt.",
       .parameters = {SeriesParameter(), Optional("startSourceAt", ParameterType::kDate),
                      Optional("endSourceAt", ParameterType::kDate)},
       .windows = SourceWindows,
       .evaluate = EvaluateLinear},
      {.name = "polyfit",
       .group = "Calculate",
       .description = "The polynomial of that degree nearest to the values, continued by offset.",
       .parameters = {SeriesParameter(), Optional("degree", ParameterType::kInteger, int64_t{1}),
                      Optional("offset", ParameterType::kInterval, std::string("0d"))},
       .evaluate = EvaluatePolyfit},
      {.name = "aggregateLine",
       .group = "Calculate",
       .description = "A horizontal line at an aggregation of each series.",
       .parameters = {SeriesParameter(),
                      Optional("func", ParameterType::kAggregation, std::string("average")),
                      Optional("keepStep", ParameterType::kBoolean, false)},
       .evaluate = EvaluateAggregateLine},
  };
}

}  // namespace plumbago::functions

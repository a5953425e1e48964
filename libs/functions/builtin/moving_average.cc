#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kWindowPointsMax = 10'000'000;
// Up to here the window is added up anew for each point, exactly as graphite-web does.
constexpr size_t kPlainWindowMax = 64;

// How far the data has to reach back before the requested range: `step` is used for a window that
// is counted in points.
absl::StatusOr<int64_t> PreviewSeconds(const Arguments& arguments, int64_t step) {
  const Value& window = arguments.Get("windowSize");
  if (const auto* interval = std::get_if<std::string>(&window)) {
    PLUMBAGO_ASSIGN_OR_RETURN(const int64_t seconds, ParseTimeOffset(*interval));
    return std::abs(seconds);
  }
  const int64_t points = std::get<int64_t>(window);
  if (points < 0 || points > kWindowPointsMax) {
    return absl::InvalidArgumentError(absl::StrCat("movingAverage(): windowSize is ", points,
                                                   ", not 0 to ", kWindowPointsMax, " points"));
  }
  return points * step;
}

absl::StatusOr<std::vector<TimeRange>> Windows(WindowQuestion& question) {
  const bool is_interval =
      std::holds_alternative<std::string>(question.arguments().Get("windowSize"));
  int64_t step = 0;
  if (!is_interval) {
    PLUMBAGO_ASSIGN_OR_RETURN(step, question.StepMax());
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t preview, PreviewSeconds(question.arguments(), step));
  const TimeRange& range = question.range();
  return std::vector<TimeRange>{{range.from - preview, range.until}};
}

// Sum and count of a window that moves, with compensation for what rounding loses (Neumaier).
class RunningSum {
 public:
  void Add(double value) {
    if (std::isnan(value)) return;
    Accumulate(value);
    ++count_;
  }
  void Remove(double value) {
    if (std::isnan(value)) return;
    Accumulate(-value);
    --count_;
  }
  size_t count() const { return count_; }
  double average() const { return (sum_ + compensation_) / static_cast<double>(count_); }

 private:
  void Accumulate(double value) {
    const double total = sum_ + value;
    compensation_ +=
        std::fabs(sum_) >= std::fabs(value) ? (sum_ - total) + value : (value - total) + sum_;
    sum_ = total;
  }

  double sum_ = 0;
  double compensation_ = 0;
  size_t count_ = 0;
};

double PlainAverage(const double* values, size_t count, double share_min) {
  double sum = 0;
  size_t present = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::isnan(values[i])) continue;
    sum += values[i];
    ++present;
  }
  if (present == 0 || static_cast<double>(present) / static_cast<double>(count) < share_min) {
    return kNull;
  }
  return sum / static_cast<double>(present);
}

// Averages of values[i-window, i) for i from window+1 on: the first value is not used, so that the
// last average covers the last value and there is one per requested point.
std::vector<double> MovingAverages(const std::vector<double>& values, size_t window,
                                   double share_min) {
  std::vector<double> averages;
  if (values.size() <= window) return averages;
  averages.resize(values.size() - window, kNull);
  if (window == 0) return averages;
  bool has_infinity = false;
  for (const double value : values) has_infinity |= std::isinf(value);
  if (window <= kPlainWindowMax || has_infinity) {
    for (size_t i = 0; i < averages.size(); ++i) {
      averages[i] = PlainAverage(&values[i + 1], window, share_min);
    }
    return averages;
  }
  RunningSum sum;
  for (size_t i = 1; i < window; ++i) sum.Add(values[i]);
  for (size_t i = 0; i < averages.size(); ++i) {
    sum.Add(values[i + window]);
    const auto share = static_cast<double>(sum.count()) / static_cast<double>(window);
    if (sum.count() > 0 && share >= share_min) averages[i] = sum.average();
    sum.Remove(values[i + 1]);
  }
  return averages;
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const Value& window = call.arguments().Get("windowSize");
  const auto* interval = std::get_if<std::string>(&window);
  const auto share_min = call.arguments().OptionalFloat("xFilesFactor");
  const int64_t preview = call.range().from - call.window(0).from;
  for (Series& series : call.series()) {
    const int64_t points = interval ? preview / series.step : std::get<int64_t>(window);
    const std::string shown = interval ? absl::StrCat("\"", *interval, "\"") : absl::StrCat(points);
    series.RenameTo(absl::StrCat("movingAverage(", series.name, ",", shown, ")"));
    series.tags.Set("movingAverage", interval ? *interval : shown);
    series.start += preview;
    series.values = MovingAverages(series.values.get(), static_cast<size_t>(points),
                                   share_min.value_or(series.x_files_factor));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition MovingAverage() {
  return {.name = "movingAverage",
          .group = "Calculate",
          .description =
              "The average of the last points, or of those of the last interval, at each "
              "point. Data from before the shown range is used too.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {.name = "windowSize",
                          .type = ParameterType::kIntegerOrInterval,
                          .suggestions = {int64_t{5}, int64_t{7}, int64_t{10}, std::string("1min"),
                                          std::string("5min"), std::string("10min"),
                                          std::string("30min"), std::string("1hour")}},
                         {"xFilesFactor", ParameterType::kFloat, Parameter::Presence::kOptional}},
          .windows = Windows,
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

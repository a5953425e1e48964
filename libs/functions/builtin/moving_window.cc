// movingWindow and its forms, exponentialMovingAverage, exponentialWeightedMovingAverage and stdev.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/preview.h"
#include "functions/text.h"
#include "functions/value_pair.h"

namespace plumbago::functions {
namespace {

// Up to here the window is added up anew for each point, exactly as graphite-web does.
constexpr int64_t kPlainWindowMax = 64;
// So much work is done between two looks at the deadline.
constexpr int64_t kStepsBetweenChecks = int64_t{1} << 22;

// Sum and count of a window that moves, with compensation for what rounding loses (Neumaier).
class RunningSum {
 public:
  explicit RunningSum(bool is_average) : is_average_(is_average) {}
  void Add(double value) {
    Accumulate(value);
    ++count_;
  }
  void Remove(double value) {
    Accumulate(-value);
    --count_;
  }
  size_t count() const { return count_; }
  double Result() const {
    return (sum_ + compensation_) / (is_average_ ? static_cast<double>(count_) : 1.0);
  }

 private:
  void Accumulate(double value) {
    const double total = sum_ + value;
    compensation_ +=
        std::fabs(sum_) >= std::fabs(value) ? (sum_ - total) + value : (value - total) + sum_;
    sum_ = total;
  }

  const bool is_average_;
  double sum_ = 0;
  double compensation_ = 0;
  size_t count_ = 0;
};

// Least value of a window that moves: those that a later, lesser one hides are forgotten.
class RunningMinimum {
 public:
  // With `sign` -1 it is the greatest.
  explicit RunningMinimum(double sign) : sign_(sign) {}
  void Add(double value) {
    while (!candidates_.empty() && candidates_.back() > sign_ * value) candidates_.pop_back();
    candidates_.push_back(sign_ * value);
    ++count_;
  }
  void Remove(double value) {
    if (candidates_.front() == sign_ * value) candidates_.pop_front();
    --count_;
  }
  size_t count() const { return count_; }
  double Result() const { return sign_ * candidates_.front(); }

 private:
  const double sign_;
  std::deque<double> candidates_;  // rising
  size_t count_ = 0;
};

// The values of a window that moves, in order.
class RunningMedian {
 public:
  void Add(double value) { sorted_.insert(Place(value), value); }
  void Remove(double value) { sorted_.erase(Place(value)); }
  size_t count() const { return sorted_.size(); }
  double Result() const {
    const size_t middle = sorted_.size() / 2;
    return sorted_.size() % 2 == 1 ? sorted_[middle] : (sorted_[middle - 1] + sorted_[middle]) / 2;
  }

 private:
  std::vector<double>::iterator Place(double value) {
    return std::lower_bound(sorted_.begin(), sorted_.end(), value);
  }

  std::vector<double> sorted_;
};

// One series' windows: the i-th one covers values[begin(i), end(i)).
struct Windows {
  const std::vector<double>& values;
  int64_t points;
  int64_t absent_points;
  double share_min;

  // The first value is not used, so that the last window ends with the last value and there is one
  // per requested point.
  size_t count() const {
    const int64_t count = static_cast<int64_t>(values.size()) + absent_points - points;
    return static_cast<size_t>(std::max<int64_t>(count, 0));
  }
  size_t begin(size_t i) const {
    return static_cast<size_t>(std::max<int64_t>(static_cast<int64_t>(i) + 1 - absent_points, 0));
  }
  size_t end(size_t i) const {
    return static_cast<size_t>(
        std::max<int64_t>(static_cast<int64_t>(i) + 1 + points - absent_points, 0));
  }
  bool IsEnough(size_t value_count) const {
    return value_count > 0 &&
           static_cast<double>(value_count) / static_cast<double>(points) >= share_min;
  }
};

template <typename State>
std::vector<double> Slide(const Windows& windows, State state) {
  std::vector<double> results(windows.count(), kNull);
  const std::vector<double>& values = windows.values;
  size_t begin = windows.count() == 0 ? 0 : windows.begin(0);
  size_t end = begin;
  for (size_t i = 0; i < results.size(); ++i) {
    for (; end < windows.end(i); ++end) {
      if (!std::isnan(values[end])) state.Add(values[end]);
    }
    for (; begin < windows.begin(i); ++begin) {
      if (!std::isnan(values[begin])) state.Remove(values[begin]);
    }
    if (windows.IsEnough(state.count())) results[i] = state.Result();
  }
  return results;
}

// Sums of `window_count` windows of `points` values, the first one at `values`, each a value behind
// the one before. Windows side by side, each in the order of its values: they do not wait for each
// other's additions. A null makes a sum null.
void SumWindows(const double* values, size_t window_count, size_t points, double* sums) {
  constexpr size_t kSideBySide = 8;
  size_t i = 0;
  for (; i + kSideBySide <= window_count; i += kSideBySide) {
    ValuePair lanes[kSideBySide / 2] = {};
    for (size_t k = 0; k < points; ++k) {
      const double* from = values + i + k;
      lanes[0] += LoadPair(from);
      lanes[1] += LoadPair(from + 2);
      lanes[2] += LoadPair(from + 4);
      lanes[3] += LoadPair(from + 6);
    }
    std::memcpy(sums + i, lanes, sizeof(lanes));
  }
  for (; i < window_count; ++i) {
    sums[i] = 0;
    for (size_t k = 0; k < points; ++k) sums[i] += values[i + k];
  }
}

// Likewise, sums of what is no null, and how many these are.
void SumWindowsOfSome(const double* values, size_t window_count, size_t points, double* sums,
                      double* counts) {
  std::fill_n(sums, window_count, 0.0);
  std::fill_n(counts, window_count, 0.0);
  for (size_t k = 0; k < points; ++k) {
    for (size_t i = 0; i < window_count; ++i) {
      const double value = values[i + k];
      const bool is_value = !std::isnan(value);
      sums[i] += is_value ? value : 0;
      counts[i] += is_value ? 1 : 0;
    }
  }
}

// Every window added up anew.
std::vector<double> PlainSums(const Windows& windows, bool is_average) {
  constexpr size_t kWindowsAtOnce = 256;
  std::vector<double> results(windows.count(), kNull);
  double sums[kWindowsAtOnce];
  double counts[kWindowsAtOnce];
  for (size_t first = 0; first < results.size();) {
    // Windows that begin before the first value are shorter, and go one by one.
    const size_t points = windows.end(first) - windows.begin(first);
    const bool is_short = points < static_cast<size_t>(windows.points);
    const size_t count = is_short ? 1 : std::min(kWindowsAtOnce, results.size() - first);
    const double* values = windows.values.data() + windows.begin(first);
    double* result = results.data() + first;
    SumWindows(values, count, points, sums);
    if (std::none_of(sums, sums + count, [](double sum) { return std::isnan(sum); })) {
      const double divisor = is_average ? static_cast<double>(points) : 1;
      if (windows.IsEnough(points)) DivideAll(sums, count, divisor, result);
    } else {
      SumWindowsOfSome(values, count, points, sums, counts);
      for (size_t i = 0; i < count; ++i) {
        if (!windows.IsEnough(static_cast<size_t>(counts[i]))) continue;
        result[i] = is_average ? sums[i] / counts[i] : sums[i];
      }
    }
    first += count;
  }
  return results;
}

// Every window anew, for any aggregation.
absl::StatusOr<std::vector<double>> Recompute(const Call& call, const Windows& windows,
                                              Aggregation aggregation) {
  std::vector<double> results(windows.count(), kNull);
  std::vector<double> present;
  int64_t steps = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    present.clear();
    for (size_t at = windows.begin(i); at < windows.end(i); ++at) {
      if (!std::isnan(windows.values[at])) present.push_back(windows.values[at]);
    }
    if (windows.IsEnough(present.size())) results[i] = Aggregate(aggregation, present);
    steps += windows.points;
    if (steps > kStepsBetweenChecks) {
      PLUMBAGO_RETURN_IF_ERROR(call.context().check_alive());
      steps = 0;
    }
  }
  return results;
}

absl::StatusOr<std::vector<double>> MovingSums(const Call& call, const Windows& windows,
                                               Aggregation aggregation) {
  const bool is_average = aggregation == Aggregation::kAverage;
  if (windows.points <= kPlainWindowMax) return PlainSums(windows, is_average);
  bool has_infinity = false;  // it would never leave a running sum again
  for (const double value : windows.values) has_infinity |= std::isinf(value);
  if (has_infinity) return Recompute(call, windows, aggregation);
  return Slide(windows, RunningSum(is_average));
}

absl::StatusOr<std::vector<double>> MovingValues(const Call& call, const Windows& windows,
                                                 Aggregation aggregation) {
  if (windows.points == 0) return std::vector<double>(windows.count(), kNull);
  PLUMBAGO_RETURN_IF_ERROR(call.context().check_alive());
  switch (aggregation) {
    case Aggregation::kAverage:
    case Aggregation::kSum:
      return MovingSums(call, windows, aggregation);
    case Aggregation::kMinimum:
      return Slide(windows, RunningMinimum(1));
    case Aggregation::kMaximum:
      return Slide(windows, RunningMinimum(-1));
    case Aggregation::kMedian:
      return Slide(windows, RunningMedian());
    default:
      return Recompute(call, windows, aggregation);
  }
}

std::string Capitalised(absl::string_view word) {
  std::string text = absl::AsciiStrToLower(word);
  text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return text;
}

absl::StatusOr<SeriesList> EvaluateMovingWindow(Call& call) {
  const FunctionDefinition& definition = call.arguments().definition();
  const std::string word =
      definition.variant.empty() ? call.arguments().String("func") : definition.variant;
  PLUMBAGO_ASSIGN_OR_RETURN(const Aggregation aggregation, ParseAggregation(word));
  const auto share_min = call.arguments().OptionalFloat("xFilesFactor");
  const std::string name = "moving" + Capitalised(word);
  for (Series& series : call.series()) {
    const PointWindow window = PointWindowOf(call, series);
    series.tags.Set(name, window.tag);
    series.RenameTo(absl::StrCat(name, "(", series.name, ",", window.shown, ")"));
    series.start += window.seconds;
    const Windows windows{series.values.get(), window.points, window.absent_points,
                          share_min.value_or(series.x_files_factor)};
    PLUMBAGO_ASSIGN_OR_RETURN(series.values, MovingValues(call, windows, aggregation));
    series.has_integer_values &= KeepsIntegers(aggregation);
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateExponential(Call& call) {
  for (Series& series : call.series()) {
    const PointWindow window = PointWindowOf(call, series);
    const bool is_interval = window.shown != window.tag;
    // graphite-web weighs intervals by their seconds.
    const double constant =
        2 / (static_cast<double>(is_interval ? window.seconds : window.points) + 1);
    const std::vector<double>& values = series.values.get();
    const size_t points = std::min(static_cast<size_t>(window.points), values.size());
    const double seed =
        Aggregate(Aggregation::kAverage, absl::Span<const double>(values.data(), points));
    double average = std::isnan(seed) ? 0 : seed;
    std::vector<double> averages = {RoundToMicros(average)};
    for (size_t i = points; i < values.size(); ++i) {
      if (!std::isnan(values[i])) average = constant * values[i] + (1 - constant) * average;
      averages.push_back(std::isnan(values[i]) ? kNull : RoundToMicros(average));
    }
    series.tags.Set("exponentialMovingAverage", window.tag);
    series.RenameTo(absl::StrCat("exponentialMovingAverage(", series.name, ",", window.shown, ")"));
    series.start += window.seconds;
    series.values = std::move(averages);
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateWeighted(Call& call) {
  const double alpha = call.arguments().Float("alpha");
  for (Series& series : call.series()) {
    double average = kNull;
    TransformValues(series, [&](double value) {
      if (std::isnan(value)) return value;
      average = std::isnan(average) ? value : alpha * value + (1 - alpha) * average;
      return average;
    });
    series.tags.Set("exponentialWeightedMovingAverage", PythonFloat(alpha));
    series.RenameTo(absl::StrCat("ewma(", series.name, ",", alpha, ")"));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

std::vector<double> Deviations(const std::vector<double>& values, size_t points, double share_min) {
  std::vector<double> deviations;
  deviations.reserve(values.size());
  double count = 0;
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i >= points && !std::isnan(values[i - points])) {
      const double dropped = values[i - points];
      --count;
      sum -= dropped;
      squares -= dropped * dropped;
    }
    if (!std::isnan(values[i])) {
      ++count;
      sum += values[i];
      squares += values[i] * values[i];
    }
    const bool is_enough = count > 0 && count / static_cast<double>(points) >= share_min;
    deviations.push_back(is_enough ? std::sqrt(count * squares - sum * sum) / count : kNull);
  }
  return deviations;
}

absl::StatusOr<SeriesList> EvaluateStdev(Call& call) {
  const int64_t points = call.arguments().Integer("points");
  if (points < 1) return Refused(call, "points is ", points, ", not at least 1");
  for (Series& series : call.series()) {
    series.values = Deviations(series.values.get(), static_cast<size_t>(points),
                               call.arguments().Float("windowTolerance"));
    series.tags.Set("stdev", absl::StrCat(points));
    series.RenameTo(absl::StrCat("stdev(", series.name, ",", points, ")"));
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

FunctionDefinition Definition(const char* name, const char* variant, const char* what) {
  Parameter window = Required("windowSize", ParameterType::kIntegerOrInterval);
  window.suggestions = {int64_t{5},           int64_t{7},          int64_t{10},
                        std::string("1min"),  std::string("5min"), std::string("10min"),
                        std::string("30min"), std::string("1hour")};
  return {
      .name = name,
      .group = "Calculate",
      .description = absl::StrCat(what,
                                  " of the last points, or of those of the last interval, "
                                  "at each point. Data from before the shown range is used "
                                  "too."),
      .parameters = {SeriesParameter(), window, Optional("xFilesFactor", ParameterType::kFloat)},
      .variant = variant,
      .windows = WindowSizePreview,
      .evaluate = EvaluateMovingWindow};
}

}  // namespace

std::vector<FunctionDefinition> MovingFunctions() {
  FunctionDefinition window = Definition("movingWindow", "", "The aggregation func");
  window.parameters.insert(window.parameters.begin() + 2,
                           Optional("func", ParameterType::kAggregation, std::string("average")));
  FunctionDefinition exponential =
      Definition("exponentialMovingAverage", "", "The exponentially weighted average");
  exponential.parameters.pop_back();
  exponential.evaluate = EvaluateExponential;
  return {
      window,
      Definition("movingAverage", "average", "The average"),
      Definition("movingMedian", "median", "The median"),
      Definition("movingSum", "sum", "The sum"),
      Definition("movingMin", "min", "The least value"),
      Definition("movingMax", "max", "The greatest value"),
      exponential,
      {.name = "exponentialWeightedMovingAverage",
       .aliases = {"ewma"},
       .group = "Calculate",
       .description = "The average in which every value weighs alpha and all before it 1 - alpha.",
       .parameters = {SeriesParameter(), Required("alpha", ParameterType::kFloat)},
       .evaluate = EvaluateWeighted},
      {.name = "stdev",
       .group = "Calculate",
       .description = "The standard deviation of the last points at each point, where the share "
                      "of values among them is at least windowTolerance.",
       .parameters = {SeriesParameter(), Required("points", ParameterType::kInteger),
                      Optional("windowTolerance", ParameterType::kFloat, 0.1)},
       .evaluate = EvaluateStdev},
  };
}

}  // namespace plumbago::functions

#include "graph/y_axis.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"

namespace plumbago::graph {
namespace {

// Errors of rounding below this share of a step do not move an end of the axis.
constexpr double kEpsilon = 0.0001;
constexpr size_t kLabelsMax = 1100;
constexpr double kStepsMax = 1000;   // a requested step that gives more is not used
constexpr int kExponentsMax = 2200;  // more than a double has

struct Unit {
  const char* prefix;
  double size;
};

constexpr double kDay = 86400;

std::vector<Unit> UnitsOf(UnitSystem system) {
  switch (system) {
    case UnitSystem::kBinary:
      return {{"Pi", 0x1p50}, {"Ti", 0x1p40}, {"Gi", 0x1p30}, {"Mi", 0x1p20}, {"Ki", 0x1p10}};
    case UnitSystem::kSi:
      return {{"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}};
    case UnitSystem::kSeconds:
      return {{"Y", kDay * 365}, {"M", kDay * 30}, {"D", kDay}, {"H", 3600}, {"m", 60}};
    case UnitSystem::kMilliseconds:
      return {{"Y", kDay * 365e3}, {"M", kDay * 30e3}, {"D", kDay * 1e3},
              {"H", 3600e3},       {"m", 60e3},        {"s", 1e3}};
    case UnitSystem::kNone:
      return {};
  }
  return {};
}

enum class Source { kData, kRequest, kLimit, kExtremum };

absl::Status Refused(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the y axis cannot be drawn: ", what));
}

double Whole(double value, double original) {
  const double whole = std::floor(value);
  return value - whole < 1e-11 && original > 1 ? whole : value;
}

// `value` in the greatest unit that fits it and the step.
std::pair<double, std::string> InUnits(double value, double step, UnitSystem system) {
  for (const Unit& unit : UnitsOf(system)) {
    const bool fits_step = step == 0 || step >= unit.size;
    if (std::fabs(value) >= unit.size && fits_step) {
      return {Whole(value / unit.size, value), unit.prefix};
    }
  }
  return {Whole(value, value), ""};
}

std::string MakeLabel(double raw_value, double raw_span, double step, UnitSystem system) {
  auto [value, prefix] = InUnits(raw_value, step, system);
  const auto [span, span_prefix] = InUnits(raw_span, step, system);
  if (!prefix.empty()) prefix += " ";
  if (value < 0.1) return absl::StrFormat("%g %s", value, prefix);
  if (value < 1.0) return absl::StrFormat("%.2f %s", value, prefix);
  // A prefix has a blank behind it here and none in the span, so values with one always come here.
  if (span > 10 || span_prefix != prefix) return absl::StrFormat("%.1f %s", value, prefix);
  if (span > 3) return absl::StrFormat("%.1f %s", value, prefix);
  if (span > 0.1) return absl::StrFormat("%.2f %s", value, prefix);
  return absl::StrFormat("%g %s", value, prefix);
}

class AxisMaker {
 public:
  AxisMaker(const ValueRange& data, const YAxisOptions& options)
      : options_(options), min_(data.min), max_(data.max) {}

  absl::StatusOr<YAxis> Run() {
    PLUMBAGO_RETURN_IF_ERROR(ApplyRequest());
    if (!std::isfinite(max_ - min_)) return Refused("the values are too far from each other");
    axis_.log_base = options_.log_base;
    PLUMBAGO_RETURN_IF_ERROR(options_.log_base ? ChooseLogarithmic() : ChooseLinear());
    const double span = axis_.top - axis_.bottom;
    for (const double value : axis_.label_values) {
      axis_.labels.push_back(MakeLabel(value, span, axis_.step, options_.unit_system));
    }
    return std::move(axis_);
  }

 private:
  absl::Status ApplyRequest() {
    const AxisRequest& request = options_.request;
    if (request.min) {
      min_source_ = Source::kRequest;
      min_ = *request.min;
    }
    if (request.ends_at_maximum) {
      max_source_ = Source::kExtremum;
    } else if (request.max) {
      max_source_ = Source::kRequest;
      max_ = *request.max;
    }
    if (request.limit && *request.limit < max_) {
      max_ = *request.limit;
      max_source_ = Source::kLimit;
    } else {
      limit_ = request.limit;
    }
    return ReconcileLimits();
  }

  // Makes the minimum smaller than the maximum, by moving what was not asked for.
  absl::Status ReconcileLimits() {
    if (min_ < max_) return absl::OkStatus();
    const bool min_is_fixed = min_source_ == Source::kRequest;
    const bool max_is_fixed = max_source_ == Source::kRequest || max_source_ == Source::kLimit;
    if (min_is_fixed && max_is_fixed) {
      return Refused(absl::StrCat("its minimum ", min_, " must be less than its maximum ", max_));
    }
    const auto delta = [](double x) { return std::fabs(x) < 1e-9 ? 1.0 : 0.1 * std::fabs(x); };
    if (min_is_fixed) {
      max_ = min_ + delta(min_);
    } else if (max_is_fixed) {
      min_ = max_ - delta(max_);
    } else {
      const double distance = delta(std::max(std::fabs(min_), std::fabs(max_)));
      const double middle = (min_ + max_) / 2;
      min_ = middle - distance;
      max_ = middle + distance;
    }
    return absl::OkStatus();
  }

  absl::Status ChooseLinear() {
    if (options_.request.step) {
      axis_.step = *options_.request.step;
    } else {
      PLUMBAGO_RETURN_IF_ERROR(
          ChooseStep(options_.divisors, options_.unit_system == UnitSystem::kBinary));
    }
    ChooseLimits();
    if (axis_.top - axis_.bottom > kStepsMax * axis_.step) {
      PLUMBAGO_RETURN_IF_ERROR(ChooseStep({4, 5, 6}, false));
    }
    const double start = axis_.step * std::ceil(axis_.bottom / axis_.step - kEpsilon);
    for (size_t i = 0; i < kLabelsMax; ++i) {
      const double value = start + static_cast<double>(i) * axis_.step;
      if (!(value <= axis_.top + kEpsilon * axis_.step)) break;
      axis_.label_values.push_back(value);
    }
    return absl::OkStatus();
  }

  // What is left empty with `divisor` steps; none where they do not reach the maximum.
  std::optional<double> Slop(double step, int divisor) const {
    const double bottom = step * std::floor(min_ / step + kEpsilon);
    const double top = bottom + step * divisor;
    if (top < max_ - kEpsilon * step) return std::nullopt;
    return std::max(top - max_, min_ - bottom);
  }

  absl::Status ChooseStep(const std::vector<int>& divisors, bool is_binary) {
    const auto [fewest, most] = std::minmax_element(divisors.begin(), divisors.end());
    const double variance = max_ - min_;
    const double step_min = variance / *most;
    const double base = is_binary ? 2 : 10;
    const std::vector<double> mantissas =
        is_binary ? std::vector<double>{1} : std::vector<double>{1, 2, 5};
    const double logarithm = is_binary ? std::log2(step_min) : std::log10(step_min);
    if (!std::isfinite(logarithm)) return Refused("the values are too close to each other");
    double exponent = std::floor(logarithm - kEpsilon);
    std::optional<double> best_slop;
    for (int i = 0; i < kExponentsMax; ++i, ++exponent) {
      for (const double mantissa : mantissas) {
        const double step = mantissa * std::pow(base, exponent);
        if (step < step_min * (1 - kEpsilon) || step == 0) continue;
        // A larger step would leave more room empty than the best one does.
        if (best_slop && step * *fewest >= 2 * *best_slop + variance) return absl::OkStatus();
        if (!std::isfinite(step)) break;
        for (const int divisor : divisors) {
          const std::optional<double> slop = Slop(step, divisor);
          if (!slop || (best_slop && *slop >= *best_slop)) continue;
          best_slop = slop;
          axis_.step = step;
        }
      }
    }
    if (!best_slop) return Refused("no step fits its values");
    return absl::OkStatus();
  }

  void ChooseLimits() {
    const double step = axis_.step;
    axis_.bottom = min_source_ == Source::kData ? step * std::floor(min_ / step + kEpsilon) : min_;
    axis_.top = max_;
    if (max_source_ == Source::kData) {
      axis_.top = step * std::ceil(max_ / step - kEpsilon);
      if (limit_ && axis_.top > *limit_ + kEpsilon * step) axis_.top = *limit_;
    }
    if (axis_.top == axis_.bottom) axis_.top += 1;
  }

  absl::Status ChooseLogarithmic() {
    if (min_ <= 0) {
      return Refused(absl::StrCat("logBase needs values above zero, and the least is ", min_));
    }
    const double base = *options_.log_base;
    const auto log = [base](double value) { return std::log(value) / std::log(base); };
    axis_.bottom = std::pow(base, std::floor(log(min_)));
    axis_.top = std::pow(base, std::ceil(log(max_)));
    if (axis_.top == axis_.bottom) axis_.top *= base;
    if (!(axis_.bottom > 0) || !std::isfinite(axis_.top)) {
      return Refused(absl::StrCat("its values do not fit powers of ", base));
    }
    double value = std::pow(base, std::ceil(log(axis_.bottom) - kEpsilon));
    for (; value < axis_.top * (1 + kEpsilon); value *= base) {
      if (axis_.label_values.size() == kLabelsMax) {
        return Refused(absl::StrCat("more than ", kLabelsMax, " powers of ", base,
                                    " lie between its ends; use a greater logBase"));
      }
      axis_.label_values.push_back(value);
    }
    return absl::OkStatus();
  }

  const YAxisOptions& options_;
  double min_;
  double max_;
  Source min_source_ = Source::kData;
  Source max_source_ = Source::kData;
  std::optional<double> limit_;
  YAxis axis_;
};

}  // namespace

std::optional<double> YAxis::PositionOf(double value) const {
  const bool has_labels = label_values.size() > 1;
  double lowest = has_labels ? label_values.front() : bottom;
  double highest = has_labels ? label_values.back() : top;
  if (log_base) {
    if (!(value > 0)) return std::nullopt;
    value = std::log(value);
    lowest = std::log(lowest);
    highest = std::log(highest);
  }
  const double position = (value - lowest) / (highest - lowest);
  return std::isfinite(position) ? std::optional<double>(position) : std::nullopt;
}

absl::StatusOr<YAxis> MakeYAxis(const ValueRange& data, const YAxisOptions& options) {
  return AxisMaker(data, options).Run();
}

}  // namespace plumbago::graph

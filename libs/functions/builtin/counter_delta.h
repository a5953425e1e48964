// Growth of a counter from point to point, for nonNegativeDerivative and perSecond.
#pragma once

#include <cmath>
#include <optional>

#include "functions/series.h"

namespace plumbago::functions {

// Feed values in order. A null, or a value outside the limits, forgets the value before it.
class CounterDelta {
 public:
  CounterDelta(std::optional<double> maximum, std::optional<double> minimum)
      : maximum_(maximum), minimum_(minimum) {}

  // A counter that fell has wrapped at the maximum, or restarted from the minimum; without either
  // the growth is unknown: null.
  double Next(double value) {
    const bool is_outside = (maximum_ && value > *maximum_) || (minimum_ && value < *minimum_);
    const double previous = previous_;
    previous_ = is_outside ? kNull : value;
    if (std::isnan(previous_) || std::isnan(previous)) return kNull;
    if (value >= previous) return value - previous;
    if (maximum_) return *maximum_ + 1 + value - previous - minimum_.value_or(0);
    if (minimum_) return value - *minimum_;
    return kNull;
  }

 private:
  const std::optional<double> maximum_;
  const std::optional<double> minimum_;
  double previous_ = kNull;
};

}  // namespace plumbago::functions

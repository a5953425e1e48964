// Powers whose results are values: what is not finite, or not real, is null.
#pragma once

#include <cmath>

#include "functions/series.h"

namespace plumbago::functions {

inline double FiniteOrNull(double value) { return std::isfinite(value) ? value : kNull; }

// Null where either is; std::pow would make 1 of pow(1, null) and pow(null, 0).
inline double Power(double base, double exponent) {
  if (std::isnan(base) || std::isnan(exponent)) return kNull;
  return FiniteOrNull(std::pow(base, exponent));
}

}  // namespace plumbago::functions

// graphite-web's percentile, and its constant line.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "functions/call.h"

namespace plumbago::functions {

enum class Interpolation { kNone, kLinear };

// The value below which `percent` of the values are; null where there are none. A percentage out of
// range gives the least or greatest value.
double Percentile(absl::Span<const double> values, double percent, Interpolation interpolation);

}  // namespace plumbago::functions

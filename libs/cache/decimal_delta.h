// How much a value differs from the one before it, counted in units of a power of ten: 12.31
// behind 12.30 is +1 hundredth. Most metrics are whole numbers or have a few decimals, whose
// doubles share few bytes although they differ by little. Nothing is rounded: a value that does not
// come back bit for bit has no such difference.
#pragma once

#include <cstdint>
#include <optional>

namespace plumbago::cache {

struct DecimalDelta {
  static constexpr uint8_t kDecimalsMax = 5;

  uint8_t decimals = 0;  // 0 to kDecimalsMax: in units of 10^-decimals
  int32_t units = 0;
};

// With the fewest decimals, but with `likely_decimals` if these do as well.
std::optional<DecimalDelta> FindDecimalDelta(double before, double value, uint8_t likely_decimals);

// `before` must be what the difference was found from.
double ApplyDecimalDelta(double before, DecimalDelta delta);

}  // namespace plumbago::cache

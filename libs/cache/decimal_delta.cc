#include "cache/decimal_delta.h"

#include <cmath>
#include <cstring>

namespace plumbago::cache {
namespace {

constexpr double kUnitsPerOne[DecimalDelta::kDecimalsMax + 1] = {1, 10, 100, 1e3, 1e4, 1e5};
// A double below it keeps the halves that ToUnits rounds by.
constexpr double kUnitsEnd = 1e15;

// Out of line, so that finding and applying round alike wherever a compiler may join operations.
[[gnu::noinline]] int64_t ToUnits(double value, double units_per_one) {
  const double units = value * units_per_one;
  return static_cast<int64_t>(units < 0 ? units - 0.5 : units + 0.5);
}

bool IsInRange(double value, uint8_t decimals) {
  return std::fabs(value) < kUnitsEnd / kUnitsPerOne[decimals];
}

// The units of `value`, which must be in range, if they tell all of it.
std::optional<int64_t> FindUnits(double value, uint8_t decimals) {
  const int64_t units = ToUnits(value, kUnitsPerOne[decimals]);
  const double again = static_cast<double>(units) / kUnitsPerOne[decimals];
  // As bits: minus zero is not zero.
  if (std::memcmp(&again, &value, sizeof(value)) != 0) return std::nullopt;
  return units;
}

std::optional<DecimalDelta> FindDelta(double before, double value, uint8_t decimals) {
  if (!IsInRange(before, decimals) || !IsInRange(value, decimals)) return std::nullopt;
  const auto units = FindUnits(value, decimals);
  if (!units.has_value()) return std::nullopt;
  const int64_t difference = *units - ToUnits(before, kUnitsPerOne[decimals]);
  if (difference < INT32_MIN || difference > INT32_MAX) return std::nullopt;
  return DecimalDelta{decimals, static_cast<int32_t>(difference)};
}

}  // namespace

std::optional<DecimalDelta> FindDecimalDelta(double before, double value, uint8_t likely_decimals) {
  if (const auto delta = FindDelta(before, value, likely_decimals)) return delta;
  constexpr uint8_t kMost = DecimalDelta::kDecimalsMax;
  // What has few decimals has many: most others are known after one look.
  if (IsInRange(value, kMost) && !FindUnits(value, kMost).has_value()) return std::nullopt;
  for (uint8_t decimals = 0; decimals <= kMost; ++decimals) {
    if (const auto delta = FindDelta(before, value, decimals)) return delta;
  }
  return std::nullopt;
}

double ApplyDecimalDelta(double before, DecimalDelta delta) {
  const double units_per_one = kUnitsPerOne[delta.decimals];
  return static_cast<double>(ToUnits(before, units_per_one) + delta.units) / units_per_one;
}

}  // namespace plumbago::cache

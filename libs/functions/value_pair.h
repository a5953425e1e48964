// Values two by two, as every 64-bit processor computes with them at once: for the few loops that
// take most of a query's time. Compilers do so by themselves only where they know how long a loop
// is. Each lane computes what one value would. Clang and GCC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/types/span.h"

namespace plumbago::functions {

using ValuePair __attribute__((vector_size(2 * sizeof(double)))) = double;

inline ValuePair LoadPair(const double* from) {
  ValuePair pair;
  std::memcpy(&pair, from, sizeof(pair));
  return pair;
}

inline void StorePair(double* to, ValuePair pair) { std::memcpy(to, &pair, sizeof(pair)); }

inline bool HasNull(absl::Span<const double> values) {
  using Bits __attribute__((vector_size(2 * sizeof(int64_t)))) = int64_t;
  Bits is_null[2] = {};
  size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    const ValuePair a = LoadPair(&values[i]);
    const ValuePair b = LoadPair(&values[i + 2]);
    is_null[0] |= a != a;
    is_null[1] |= b != b;
  }
  bool has_null = ((is_null[0] | is_null[1])[0] | (is_null[0] | is_null[1])[1]) != 0;
  for (; i < values.size(); ++i) has_null |= values[i] != values[i];
  return has_null;
}

// Adds each of `count` values to the one with its index.
inline void AddAll(const double* values, size_t count, double* sums) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    StorePair(sums + i, LoadPair(sums + i) + LoadPair(values + i));
    StorePair(sums + i + 2, LoadPair(sums + i + 2) + LoadPair(values + i + 2));
  }
  for (; i < count; ++i) sums[i] += values[i];
}

inline void DivideAll(const double* values, size_t count, double divisor, double* results) {
  const ValuePair divisors = {divisor, divisor};
  size_t i = 0;
  for (; i + 2 <= count; i += 2) StorePair(results + i, LoadPair(values + i) / divisors);
  if (i < count) results[i] = values[i] / divisor;
}

inline void IncrementAll(uint32_t* numbers, size_t count) {
  using Quad __attribute__((vector_size(4 * sizeof(uint32_t)))) = uint32_t;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Quad quad;
    std::memcpy(&quad, numbers + i, sizeof(quad));
    quad += 1;
    std::memcpy(numbers + i, &quad, sizeof(quad));
  }
  for (; i < count; ++i) ++numbers[i];
}

}  // namespace plumbago::functions

// Big-endian numbers and ring arithmetic of whisper files. Internal to libs/whisper.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "whisper/header.h"

namespace plumbago::whisper::internal {

static_assert(std::endian::native == std::endian::little, "loads and stores below swap bytes");

inline uint32_t LoadU32(const char* from) {
  uint32_t raw;
  std::memcpy(&raw, from, sizeof(raw));
  return __builtin_bswap32(raw);
}

inline void StoreU32(char* to, uint32_t value) {
  const uint32_t raw = __builtin_bswap32(value);
  std::memcpy(to, &raw, sizeof(raw));
}

inline float LoadFloat(const char* from) { return std::bit_cast<float>(LoadU32(from)); }
inline void StoreFloat(char* to, float value) { StoreU32(to, std::bit_cast<uint32_t>(value)); }

inline double LoadDouble(const char* from) {
  uint64_t raw;
  std::memcpy(&raw, from, sizeof(raw));
  return std::bit_cast<double>(__builtin_bswap64(raw));
}

inline void StoreDouble(char* to, double value) {
  const uint64_t raw = __builtin_bswap64(std::bit_cast<uint64_t>(value));
  std::memcpy(to, &raw, sizeof(raw));
}

// A slot: u32 time, f64 value.
inline void StorePoint(char* to, uint32_t time, double value) {
  StoreU32(to, time);
  StoreDouble(to + 4, value);
}

// The start of the step that holds `time`; rounds towards minus infinity.
inline int64_t AlignDown(int64_t time, int64_t step) {
  const int64_t rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

// The slot of `time` in a ring whose slot 0 holds `base_time` (0: the ring is empty, and whatever
// comes first goes to slot 0). Both differences may be negative: division and modulo are floored.
inline uint64_t SlotOf(const Archive& archive, uint32_t base_time, int64_t time) {
  if (base_time == 0) return 0;
  const int64_t step = archive.seconds_per_point;
  const int64_t distance = AlignDown(time - int64_t{base_time}, step) / step;
  const int64_t slot = distance % int64_t{archive.point_count};
  return static_cast<uint64_t>(slot < 0 ? slot + int64_t{archive.point_count} : slot);
}

}  // namespace plumbago::whisper::internal

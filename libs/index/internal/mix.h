// The hash of two small numbers for an IdSet.
#pragma once

#include <cstdint>

namespace plumbago::index::internal {

// The finaliser of SplitMix64.
inline uint64_t MixPair(uint32_t high, uint32_t low) {
  uint64_t hash = (uint64_t{high} << 32 | low) + 0x9e3779b97f4a7c15;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

}  // namespace plumbago::index::internal

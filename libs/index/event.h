// A change of the index, as watchers see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace plumbago::index {

// Kept for EventsAfter, whichever is less.
inline constexpr size_t kEventsMax = 16384;
inline constexpr size_t kEventBytesMax = 4 << 20;

struct Event {
  enum class Kind { kReset, kAdded, kRemoved };
  uint64_t sequence = 0;
  Kind kind = Kind::kReset;
  std::string tenant;
  std::string metric;
};

}  // namespace plumbago::index

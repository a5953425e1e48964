// What the process's allocator says about itself: jemalloc, which all services run on.
//
// Thread-safe. Under another allocator (tests, sanitizers) there is nothing to read.
#pragma once

#include <cstddef>
#include <optional>

namespace plumbago::base {

struct AllocatorStats {
  size_t allocated_bytes = 0;  // handed out and not given back
  size_t active_bytes = 0;     // the pages that these are on
  size_t resident_bytes = 0;   // of the machine's memory
};

// Costs some microseconds.
std::optional<AllocatorStats> ReadAllocatorStats();

// What jemalloc takes for a request of so many bytes: it has classes of sizes.
size_t AllocatedBytes(size_t requested_bytes);

}  // namespace plumbago::base

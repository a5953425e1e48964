#include "base/allocator.h"

#include <algorithm>
#include <cstdint>

// Null where the program is not linked with jemalloc.
extern "C" int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                       size_t new_size) __attribute__((weak));

// Read by jemalloc at its start. A burst of points leaves memory behind that the next one needs
// again minutes later: pages that nobody uses go back to the machine after a second instead of ten.
// Only in programs that use this file, which of the services is the cache.
extern "C" const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:1000,muzzy_decay_ms:0";

namespace plumbago::base {
namespace {

bool ReadSize(const char* name, size_t* value) {
  size_t size = sizeof(*value);
  return mallctl(name, value, &size, nullptr, 0) == 0;
}

}  // namespace

std::optional<AllocatorStats> ReadAllocatorStats() {
  if (mallctl == nullptr) return std::nullopt;
  uint64_t epoch = 1;  // any value refreshes the statistics
  size_t epoch_size = sizeof(epoch);
  AllocatorStats stats;
  if (mallctl("epoch", &epoch, &epoch_size, &epoch, sizeof(epoch)) != 0 ||
      !ReadSize("stats.allocated", &stats.allocated_bytes) ||
      !ReadSize("stats.active", &stats.active_bytes) ||
      !ReadSize("stats.resident", &stats.resident_bytes)) {
    return std::nullopt;
  }
  return stats;
}

// Multiples of 16 up to 128, then four classes for each doubling.
size_t AllocatedBytes(size_t requested_bytes) {
  if (requested_bytes == 0) return 0;
  if (requested_bytes <= 128) return (requested_bytes + 15) / 16 * 16;
  const int exponent = 63 - __builtin_clzll(requested_bytes - 1);
  const size_t spacing = size_t{1} << (exponent - 2);
  return (requested_bytes + spacing - 1) / spacing * spacing;
}

}  // namespace plumbago::base

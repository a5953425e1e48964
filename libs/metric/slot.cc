#include "metric/slot.h"

#include <cstring>
#include <string>

#include "base/hash.h"

namespace plumbago::metric {

uint32_t SlotOf(absl::string_view tenant, absl::string_view metric) {
  constexpr size_t kStackBytes = 4096;
  const size_t size = tenant.size() + 1 + metric.size();
  char on_stack[kStackBytes];
  std::string on_heap;
  char* key = on_stack;
  if (size > kStackBytes) {
    on_heap.resize(size);
    key = on_heap.data();
  }
  std::memcpy(key, tenant.data(), tenant.size());
  key[tenant.size()] = '\0';
  std::memcpy(key + tenant.size() + 1, metric.data(), metric.size());
  return SlotOfKey(absl::string_view(key, size));
}

uint32_t SlotOfKey(absl::string_view key) {
  return static_cast<uint32_t>(base::Hash64(key) % kSlotCount);
}

}  // namespace plumbago::metric

// Slots, the virtual shards: which one a series belongs to. Part of the wire contract.
//
// Pure functions, thread-safe.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::metric {

inline constexpr uint32_t kSlotCount = 4096;

// The slot of a series: xxh3_64(tenant, one zero byte, metric) mod 4096, seed 0. Allocates only
// where tenant and metric together exceed 4 KiB.
uint32_t SlotOf(absl::string_view tenant, absl::string_view metric);

// The same for tenant, zero byte and metric in one piece.
uint32_t SlotOfKey(absl::string_view key);

}  // namespace plumbago::metric

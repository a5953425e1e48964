// The hash behind slots and tables: XXH3, 64 bits, seed 0 (https://xxhash.com).
// Part of the wire contract for slots: never change it.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::base {

uint64_t Hash64(absl::string_view bytes);

struct Hash128Value {
  uint64_t low = 0;
  uint64_t high = 0;
};

// XXH3, 128 bits, with a seed. For tables within a process.
Hash128Value Hash128(absl::string_view bytes, uint64_t seed);

}  // namespace plumbago::base

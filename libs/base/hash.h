// The hash behind slots and tables: XXH3, 64 bits, seed 0 (https://xxhash.com).
// Part of the wire contract for slots: never change it.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::base {

uint64_t Hash64(absl::string_view bytes);

}  // namespace plumbago::base

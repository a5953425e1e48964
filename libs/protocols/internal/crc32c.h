// CRC-32C (Castagnoli), as RFC 3720 appendix B.4 defines it. Pure, thread-safe; eight bytes a step.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::protocols::internal {

uint32_t Crc32c(absl::string_view bytes);

}  // namespace plumbago::protocols::internal

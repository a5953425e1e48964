#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace plumbago::base {

uint64_t Hash64(absl::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace plumbago::base

// The life of a cache process: replay, serve until SIGTERM, flush.
#pragma once

#include "absl/status/status.h"
#include "cache_flags.h"
#include "service/runtime.h"

namespace plumbago::cache {

absl::Status RunCache(CacheFlags flags, service::Runtime& runtime);

}  // namespace plumbago::cache

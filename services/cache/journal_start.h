// The start of a cache that has a journal: everything in it goes back into memory.
#pragma once

#include "absl/status/statusor.h"
#include "cache/cache_metrics.h"
#include "cache/point_cache.h"
#include "cache_flags.h"
#include "journal/reader.h"
#include "service/runtime.h"
#include "topology/snapshot.h"

namespace plumbago::cache {

// Blocks; /readyz says how far it is. `snapshot` may be null: no tenant is known to be deleted.
// Cancelled: the process has to stop; the journal is as it was. DataLoss: the journal is damaged,
// and flags do not allow to go on.
absl::StatusOr<journal::ReadResult> ReplayAtStart(const CacheFlags& flags,
                                                  const topology::Snapshot* snapshot,
                                                  service::Runtime& runtime, PointCache& cache,
                                                  CacheMetrics& metrics);

}  // namespace plumbago::cache

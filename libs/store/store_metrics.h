// What a store counts. Thread-safe; one per process.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/metrics.h"

namespace plumbago::store {

struct StoreMetrics {
  explicit StoreMetrics(base::Metrics& registry);

  // Points of `tenant` that are gone for `reason`. Slow: not per point.
  void CountDropped(absl::string_view tenant, absl::string_view reason, size_t point_count);
  // A new series of `tenant` that a quota refused. Slow likewise.
  void CountRefused(absl::string_view tenant);

  // Files that cannot be used, for one of kDamageReasons.
  base::Gauge& damaged_files(absl::string_view reason);

  // Files that a power cut left unfinished: "lengthened" or "set_aside".
  base::Counter& files_mended(absl::string_view how);

  base::Metrics& metrics;
  base::Counter& points_received;
  base::Counter& points_stored;
  base::Counter& points_returned;
  base::Counter& series_created;
  base::Counter& series_updates;
  base::Counter& write_failures;
  base::Counter& series_fetched;
  base::Counter& index_failures;
  base::Gauge& open_files;
  base::Gauge& queued_bytes;
  base::Gauge& queued_points;
  base::Gauge& series;
  base::Histogram& checkpoint_seconds;
  base::Histogram& scan_seconds;
};

}  // namespace plumbago::store

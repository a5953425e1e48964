// Points of many series on their way to the store, in columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/allocator.h"
#include "cache/hot_series.h"
#include "metric/metric_name.h"

namespace plumbago::cache {

// What became of one series of a batch, where it is not simply stored.
struct RefusedSeries {
  uint32_t index = 0;        // into FlushBatch::series
  uint32_t point_count = 0;  // that were not stored
  bool may_retry = false;    // the points may be sent again; else they are lost and counted
  std::string reason = "";   // a word for the metric label
  std::string message = "";  // the store's own: what is wrong and how to mend it
};

// Bounds of a batch: with the longest names its message stays below what gRPC takes (16 MiB).
inline constexpr size_t kFlushSeriesMax = 8192;
inline constexpr size_t kFlushPointsMax = 64 << 10;
static_assert(kFlushSeriesMax * (metric::kMetricBytesMax + 64) + kFlushPointsMax * 12 <
              (size_t{16} << 20));

struct FlushBatch {
  // One entry a series. A series is at most once in a batch and in one batch at a time, and lives
  // as long as it is in one.
  std::vector<HotSeries*> series;
  std::vector<uint32_t> point_count;
  // One entry a point, the points of a series together, in order of arrival.
  std::vector<uint32_t> time_seconds;
  std::vector<double> value;

  // Of the journal, with a point of this batch; 0: none is.
  uint32_t oldest_segment = 0;

  // Nothing but a request that the store sync soon: it has no series, and the cache has no part in
  // it.
  bool wants_checkpoint = false;

  // Of the columns, as the allocator counts.
  size_t memory_bytes() const {
    return sizeof(FlushBatch) + base::AllocatedBytes(series.capacity() * sizeof(HotSeries*)) +
           base::AllocatedBytes(point_count.capacity() * sizeof(uint32_t)) +
           base::AllocatedBytes(time_seconds.capacity() * sizeof(uint32_t)) +
           base::AllocatedBytes(value.capacity() * sizeof(double));
  }

  absl::Duration stored_at;  // monotonic; set when the store has applied the batch
};

}  // namespace plumbago::cache

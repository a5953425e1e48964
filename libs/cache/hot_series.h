// One series in the cache: its name, its points, and where it stands between memory and store.
//
// The points are one sequence in order of arrival, cut by two marks:
//
//   [0, stored)     the store has them; they linger so that a concurrent read misses nothing
//   [stored, sent)  on the way to the store
//   [sent, size)    pending
//
// Guarded by the mutex of its partition, except the name, which never changes, the store's id,
// which belongs to the stream to the store, and the journal's number, which belongs to the journal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "cache/point_buffer.h"

namespace plumbago::cache {

enum class FlushQueue : uint8_t { kNone, kNew, kAged, kFull };

struct HotSeries {
  HotSeries(absl::string_view tenant, absl::string_view metric)
      : tenant_bytes(static_cast<uint16_t>(tenant.size())),
        metric_bytes(static_cast<uint16_t>(metric.size())),
        text(new char[tenant.size() + metric.size()]) {
    std::memcpy(text.get(), tenant.data(), tenant.size());
    std::memcpy(text.get() + tenant.size(), metric.data(), metric.size());
  }

  absl::string_view tenant() const { return {text.get(), tenant_bytes}; }
  absl::string_view metric() const { return {text.get() + tenant_bytes, metric_bytes}; }
  uint32_t pending_count() const { return points.size() - sent_count; }
  bool is_in_flight() const { return sent_count > stored_count; }
  size_t memory_bytes() const {
    return sizeof(HotSeries) + tenant_bytes + metric_bytes + points.memory_bytes();
  }

  // Links of the partition's flush queue that the series is in.
  HotSeries* next = nullptr;
  HotSeries* previous = nullptr;

  PointBuffer points;
  uint32_t stored_count = 0;
  uint32_t sent_count = 0;
  uint32_t pending_since_ms = 0;  // of the cache's own clock, when the oldest pending point came
  uint32_t references = 0;        // by dictionaries of streams
  // The segments of the journal that hold the oldest point pending and in flight; 0: none.
  uint32_t pending_segment = 0;
  uint32_t in_flight_segment = 0;
  FlushQueue queue = FlushQueue::kNone;
  bool was_flushed = false;
  const uint16_t tenant_bytes;
  const uint16_t metric_bytes;

  uint32_t store_id = 0;          // in the dictionary of the stream to the store
  uint32_t store_connection = 0;  // which connection store_id belongs to; 0: none

  uint32_t journal_number = 0;   // within journal_segment
  uint32_t journal_segment = 0;  // the last one that names this series; 0: none

  const std::unique_ptr<char[]> text;  // tenant and metric
};

}  // namespace plumbago::cache

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
// One piece of memory holds it with its name: made by Make, ended by Destroy.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/strings/string_view.h"
#include "base/allocator.h"
#include "base/check.h"
#include "cache/point_buffer.h"
#include "cache/tenant_usage.h"

namespace plumbago::cache {

// The list of its partition's FlushQueues that a series is in.
enum class FlushQueue : uint8_t { kNone, kNew, kAged, kFull, kRefused, kReady };

struct HotSeries {
  // `usage` must outlive the series. The metric has at most 65,535 bytes.
  static HotSeries* Make(TenantUsage& usage, uint32_t partition, absl::string_view metric) {
    void* const memory = std::malloc(sizeof(HotSeries) + metric.size());
    PLUMBAGO_CHECK(memory != nullptr && metric.size() <= UINT16_MAX);
    auto* const series = new (memory) HotSeries(usage, partition, metric.size());
    std::memcpy(series->text(), metric.data(), metric.size());
    return series;
  }
  static void Destroy(HotSeries* series) {
    series->~HotSeries();
    std::free(series);
  }
  HotSeries(const HotSeries&) = delete;
  HotSeries& operator=(const HotSeries&) = delete;

  absl::string_view tenant() const { return usage.name; }
  absl::string_view metric() const { return {text(), metric_bytes}; }
  // Asks the processor for all of it but the name.
  void Prefetch() const {
    constexpr size_t kLineBytes = 64;
    const char* const begin = reinterpret_cast<const char*>(this);
    for (size_t at = 0; at < sizeof(HotSeries); at += kLineBytes) __builtin_prefetch(begin + at, 1);
    __builtin_prefetch(begin + sizeof(HotSeries) - 1, 1);  // it may begin within a line
  }
  uint32_t pending_count() const { return points.size() - sent_count; }
  bool is_in_flight() const { return sent_count > stored_count; }
  // Without the points.
  size_t name_memory_bytes() const {
    return base::AllocatedBytes(sizeof(HotSeries) + metric_bytes);
  }

  PointBuffer points;
  uint32_t stored_count = 0;
  uint32_t sent_count = 0;
  uint32_t pending_since_ms = 0;  // of the cache's own clock, when the oldest pending point came
  uint32_t references = 0;        // by dictionaries of streams
  // The segments of the journal that hold the oldest point pending and in flight; 0: none.
  uint32_t pending_segment = 0;
  uint32_t in_flight_segment = 0;
  uint32_t journal_number = 0;   // within journal_segment
  uint32_t journal_segment = 0;  // the last one that names this series; 0: none

  // Links of the flush queue that the series is in.
  HotSeries* next = nullptr;
  HotSeries* previous = nullptr;

  uint32_t store_id = 0;          // in the dictionary of the stream to the store
  uint32_t store_connection = 0;  // which connection store_id belongs to; 0: none

  TenantUsage& usage;
  const uint16_t metric_bytes;
  const uint8_t partition;
  FlushQueue queue = FlushQueue::kNone;
  uint8_t ready_rank = 0;  // the list of kReady
  bool was_flushed = false;
  bool was_refused = false;  // by the store, the last time: to be tried again

 private:
  HotSeries(TenantUsage& tenant_usage, uint32_t partition_index, size_t size)
      : usage(tenant_usage),
        metric_bytes(static_cast<uint16_t>(size)),
        partition(static_cast<uint8_t>(partition_index)) {}
  ~HotSeries() = default;
  char* text() { return reinterpret_cast<char*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
};

}  // namespace plumbago::cache

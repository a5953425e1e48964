// The hot points of a shard: in memory, bounded in bytes, readable at any time, flushed by age and
// fill.
//
// Thread-safe. Series are spread over partitions, each with its own lock, held for the copying of
// points of a few dozen series at most. A series stays while a stream's dictionary refers to it
// or it has points.
//
// Life of a point: Append -> pending -> TakeDue -> in flight -> OnApplied -> lingering -> Expire.
// It can be read all that time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cache/cache_metrics.h"
#include "cache/flush_batch.h"
#include "cache/hot_series.h"

namespace plumbago::cache {

struct CacheOptions {
  size_t memory_bytes_max = size_t{1} << 30;
  absl::Duration flush_age = absl::Seconds(10);
  absl::Duration new_series_flush_age = absl::Milliseconds(200);
  absl::Duration flush_linger = absl::Seconds(5);
  uint32_t flush_points = 120;      // a series with so many pending points is flushed at once
  size_t batch_points_max = 16384;  // at most kFlushPointsMax
};

// A series as the dictionary of a stream holds it.
struct SeriesReference {
  HotSeries* series = nullptr;
  uint32_t partition = 0;
};

class PointCache {
 public:
  static constexpr uint32_t kPartitions = 32;

  // `clock` and `metrics` must outlive the cache.
  PointCache(const CacheOptions& options, base::Clock& clock, CacheMetrics& metrics);
  ~PointCache();

  // The series of a name, made where it is new. Release() each reference once. Where names alone
  // fill half of the memory a new one is refused: the reference is null, and needs no Release().
  // A replay is never refused: it has been accepted before.
  enum class Bound { kEnforced, kIgnored };
  SeriesReference Acquire(absl::string_view tenant, absl::string_view metric,
                          Bound bound = Bound::kEnforced);
  void Release(absl::Span<const SeriesReference> references);

  // n points in columns of n entries; series[i] is a held reference. Visible to readers on return.
  // `segment` is that of the journal which holds the points; 0: none does.
  void Append(absl::Span<const SeriesReference> series, absl::Span<const uint32_t> time_seconds,
              absl::Span<const double> value, uint32_t segment = 0);

  // The oldest segment of the journal with a point that the store has not applied; UINT32_MAX where
  // it has applied all. Looks at every series.
  uint32_t OldestUnstoredSegment() const;

  // Blocks while the memory is at its bound, until there is room or Stop(). Call before Append.
  // False after Stop().
  bool WaitForRoom();

  // The points of `metric` with from <= time <= until, in order of arrival, appended to `points`.
  void Read(absl::string_view tenant, absl::string_view metric, uint32_t from, uint32_t until,
            std::vector<Point>* points) const;

  // Fills `batch` with series that are due and marks them in flight; false where none is due.
  // Due is what is full, new and older than new_series_flush_age, or older than flush_age;
  // everything that is pending while the memory is nearly full or the cache drains.
  bool TakeDue(FlushBatch* batch);

  // The store has applied the batch, except for `refused`.
  void OnApplied(std::unique_ptr<FlushBatch> batch, absl::Span<const RefusedSeries> refused);

  // Frees the points that have lingered long enough.
  void Expire();

  // From now on everything pending is due.
  void BeginDrain() { is_draining_.store(true); }
  // Releases all that wait for room.
  void Stop();

  // Pending and in flight.
  uint64_t unstored_points() const { return unstored_points_.load(); }
  size_t memory_bytes() const { return memory_bytes_.load(); }
  void PublishGauges();

 private:
  struct SeriesKey {
    absl::string_view tenant;
    absl::string_view metric;
    uint64_t hash;
  };
  struct SeriesHash {
    using is_transparent = void;
    size_t operator()(const SeriesKey& key) const { return key.hash; }
    size_t operator()(const HotSeries* series) const;
  };
  struct SeriesEqual {
    using is_transparent = void;
    bool operator()(const HotSeries* a, const HotSeries* b) const { return a == b; }
    bool operator()(const SeriesKey& a, const HotSeries* b) const {
      return a.tenant == b->tenant() && a.metric == b->metric();
    }
    bool operator()(const HotSeries* a, const SeriesKey& b) const { return (*this)(b, a); }
  };
  // A doubly linked list through HotSeries, oldest first.
  struct Queue {
    HotSeries* head = nullptr;
    HotSeries* tail = nullptr;
  };
  struct Partition {
    mutable base::Mutex mutex;
    absl::flat_hash_set<HotSeries*, SeriesHash, SeriesEqual> series ABSL_GUARDED_BY(mutex);
    Queue queues[4] ABSL_GUARDED_BY(mutex);  // by FlushQueue; kNone is unused
  };

  static uint64_t HashOf(absl::string_view tenant, absl::string_view metric);
  void AppendToPartition(Partition& partition, absl::Span<const uint32_t> order,
                         absl::Span<const SeriesReference> series,
                         absl::Span<const uint32_t> time_seconds, absl::Span<const double> value,
                         uint32_t segment);
  void Enqueue(Partition& partition, HotSeries* series, FlushQueue queue)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void Dequeue(Partition& partition, HotSeries* series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  // Puts a series with pending points into the queue where it belongs.
  void Requeue(Partition& partition, HotSeries* series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  HotSeries* NextDue(Partition& partition, uint32_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  // Takes the pending points of a series, as many as the batch has room for.
  void Take(HotSeries* series, uint32_t partition, FlushBatch* batch);
  bool HasRoom(const FlushBatch& batch) const;
  void DropFront(Partition& partition, HotSeries* series, uint32_t count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  // Removes a series that nobody needs.
  void EraseIfUnused(Partition& partition, HotSeries* series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void AddMemory(int64_t bytes);
  uint32_t NowMs() const;
  bool is_nearly_full() const;

  const CacheOptions options_;
  base::Clock& clock_;
  CacheMetrics& metrics_;
  const absl::Duration started_at_;

  std::array<Partition, kPartitions> partitions_;
  std::atomic<uint32_t> next_partition_{0};  // where the next TakeDue begins

  // Relaxed counters; exact once writers are quiet.
  std::atomic<size_t> memory_bytes_{0};
  std::atomic<size_t> name_bytes_{0};  // of memory_bytes_: series without their points
  std::atomic<uint64_t> unstored_points_{0};
  std::atomic<uint64_t> points_in_memory_{0};
  std::atomic<uint64_t> series_count_{0};
  std::atomic<bool> is_draining_{false};

  base::Mutex room_mutex_;
  base::CondVar room_;
  bool is_stopped_ ABSL_GUARDED_BY(room_mutex_) = false;

  base::Mutex linger_mutex_;
  std::deque<std::unique_ptr<FlushBatch>> lingering_ ABSL_GUARDED_BY(linger_mutex_);
};

}  // namespace plumbago::cache

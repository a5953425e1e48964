// The hot points of a shard: in memory, bounded in bytes, readable at any time, flushed by age and
// fill.
//
// Thread-safe. Series are spread over partitions, each with its own lock, held for the copying of
// points of a few dozen series at most. A series stays while a stream's dictionary refers to it
// or it has points. TakeDue and Expire are for one thread, the flusher's.
//
// Life of a point: Append -> pending -> TakeDue -> in flight -> OnApplied -> lingering -> Expire.
// It can be read all that time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cache/cache_metrics.h"
#include "cache/flush_batch.h"
#include "cache/flush_queues.h"
#include "cache/hot_series.h"
#include "cache/memory_budget.h"
#include "cache/rate_budget.h"
#include "cache/tenant_usage.h"

namespace plumbago::cache {

struct CacheOptions {
  size_t memory_bytes_max = size_t{1} << 30;
  absl::Duration flush_age = absl::Seconds(10);
  absl::Duration new_series_flush_age = absl::Milliseconds(200);
  absl::Duration flush_linger = absl::Seconds(5);
  uint32_t flush_points = 120;      // a series with so many pending points is flushed at once
  size_t batch_points_max = 16384;  // at most kFlushPointsMax
  FlushStrategy flush_strategy = FlushStrategy::kOldestFirst;
  double updates_per_second_max = 0;  // series written to the store; 0: no limit
  double creates_per_second_max = 0;  // of these, series that this process has not written before
};

// A series as the dictionary of a stream holds it.
struct SeriesReference {
  HotSeries* series = nullptr;
  uint32_t partition = 0;
};

// Where points come from.
struct PointOrigin {
  uint32_t journal_segment = 0;  // that holds them; 0: none does
  int64_t received_unix_ms = 0;  // when they arrived at the relay; 0: not known, after all others
};

class PointCache {
 public:
  static constexpr uint32_t kPartitions = 32;

  // `clock` and `metrics` must outlive the cache.
  PointCache(const CacheOptions& options, base::Clock& clock, CacheMetrics& metrics);
  ~PointCache();

  // Called when points come while none was pending nor in flight, on the appending thread, without
  // locks of the cache. Set it before the first Append.
  void SetListener(std::function<void()> listener) { listener_ = std::move(listener); }

  // The series of a name, made where it is new. Release() each reference once. Where names alone
  // fill half of the memory, or the tenant is over its share, a new one is refused unless the
  // tenant is within its reserve: the reference is null, and needs no Release(). A replay is never
  // refused: it has been accepted before.
  enum class Bound { kEnforced, kIgnored };
  SeriesReference Acquire(absl::string_view tenant, absl::string_view metric,
                          Bound bound = Bound::kEnforced);
  void Release(absl::Span<const SeriesReference> references);
  // The partition that the series of a name is in, or would be in.
  uint32_t PartitionOf(absl::string_view tenant, absl::string_view metric);

  // n points in columns of n entries; series[i] is a held reference. Visible to readers on return.
  // Where a time is written twice, the later arrival wins as long as both are here: a point that
  // comes too late for that is counted and left out, and so is one that is here already.
  void Append(absl::Span<const SeriesReference> series, absl::Span<const uint32_t> time_seconds,
              absl::Span<const double> value, const PointOrigin& origin = {});

  // The oldest segment of the journal with a point that the store has not applied; UINT32_MAX where
  // it has applied all. Looks at every series.
  uint32_t OldestUnstoredSegment() const;

  // Blocks while the memory is at its bound, until there is room or Stop(). Call before Append.
  // False after Stop().
  bool WaitForRoom();
  // The same, for `timeout` at most.
  MemoryBudget::Room WaitForRoom(absl::Duration timeout);

  // Whether points of some tenants have to be refused now: the memory is short, and they have more
  // than their share.
  bool has_unfair_tenants() const { return has_unfair_tenants_.load(std::memory_order_relaxed); }
  static bool IsOverShare(const SeriesReference& series) {
    return series.series->usage.is_over_share.load(std::memory_order_relaxed);
  }

  // Whether a tenant holds so little that its part of the reserve is there for it, however full the
  // memory is.
  bool IsWithinReserve(const SeriesReference& series) const {
    return tenants_.IsWithinReserve(series.series->usage);
  }
  // As of the last look while the memory was short: whether several tenants hold some of it.
  bool has_several_tenants() const { return tenants_.has_several(); }

  // Whether names that have no points take so much memory that streams should start again with
  // empty dictionaries: what is not in use is forgotten then.
  bool wants_fresh_dictionaries() const;

  // Looks at what the process has allocated, and who has more than his share. Call it a few times a
  // second; `process_bytes` is 0 where it is not known.
  void UpdatePressure(size_t process_bytes);

  // For memory of streams and messages that belongs to the bound.
  MemoryBudget& memory() { return memory_; }

  // The points of `metric` with from <= time <= until, in order of arrival, appended to `points`.
  void Read(absl::string_view tenant, absl::string_view metric, uint32_t from, uint32_t until,
            std::vector<Point>* points) const;

  // Fills `batch` with series that are due and marks them in flight; false where none is due.
  // Due is what is full, new and older than new_series_flush_age, or older than flush_age;
  // everything that is pending while the memory is nearly full or the cache drains. The strategy
  // tells the order, and the rates how many; a cache that drains knows no rates.
  bool TakeDue(FlushBatch* batch);

  // The store has applied the batch, except for `refused`.
  void OnApplied(std::unique_ptr<FlushBatch> batch, absl::Span<const RefusedSeries> refused);

  // Frees the points that have lingered long enough.
  void Expire();

  // How long TakeDue() and Expire() will have nothing to do unless points come: infinite where
  // there are none, zero where they may have.
  absl::Duration IdleTime();

  // From now on everything pending is due.
  void BeginDrain() { is_draining_.store(true); }
  // Releases all that wait for room.
  void Stop() { memory_.Stop(); }

  // Pending and in flight.
  uint64_t unstored_points() const { return unstored_points_.load(); }
  size_t memory_bytes() const { return memory_.counted_bytes(); }
  void PublishGauges();

 private:
  struct SeriesKey {
    const TenantUsage* usage;
    absl::string_view metric;
    uint64_t hash;
  };
  struct SeriesHash {
    using is_transparent = void;
    size_t operator()(const SeriesKey& key) const { return key.hash; }
    size_t operator()(const HotSeries* series) const {
      return HashOf(series->usage, series->metric());
    }
  };
  struct SeriesEqual {
    using is_transparent = void;
    bool operator()(const HotSeries* a, const HotSeries* b) const { return a == b; }
    bool operator()(const SeriesKey& a, const HotSeries* b) const {
      return a.usage == &b->usage && a.metric == b->metric();
    }
    bool operator()(const HotSeries* a, const SeriesKey& b) const { return (*this)(b, a); }
  };
  struct Partition {
    explicit Partition(const CacheOptions& options)
        : queues(options.flush_strategy, options.flush_points) {}

    mutable base::Mutex mutex;
    absl::flat_hash_set<HotSeries*, SeriesHash, SeriesEqual> series ABSL_GUARDED_BY(mutex);
    size_t table_bytes ABSL_GUARDED_BY(mutex) = 0;  // of the set, as counted
    FlushQueues queues ABSL_GUARDED_BY(mutex);
  };
  static uint64_t HashOf(const TenantUsage& usage, absl::string_view metric);
  static uint32_t PartitionOfHash(uint64_t hash) {
    return static_cast<uint32_t>(hash >> 32) % kPartitions;  // low bits choose the set's bucket
  }
  void AppendToPartition(Partition& partition, absl::Span<const uint32_t> order,
                         absl::Span<const SeriesReference> series,
                         absl::Span<const uint32_t> time_seconds, absl::Span<const double> value,
                         const PointOrigin& origin);
  // Whether a point that arrived before the series' last one has still to be taken.
  static bool IsWanted(HotSeries& series, uint32_t time_seconds, double value, uint32_t arrival_ms);
  void OnPending(Partition& partition, HotSeries* series, uint32_t now_ms, uint32_t segment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  FlushDue DueNow() const;
  bool MayWrite(const RateBudget& budget) const;
  void TakeNew(const FlushDue& due, FlushBatch* batch);
  void TakeKnown(const FlushDue& due, FlushBatch* batch);
  // The partition that is to be served next; null where nothing is due.
  Partition* MostUrgent(const FlushDue& due);
  // Takes the pending points of a series, as many as the batch has room for.
  void Take(Partition& partition, HotSeries* series, FlushBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  bool HasRoom(const FlushBatch& batch) const;
  void DropFront(Partition& partition, HotSeries* series, uint32_t count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  // Removes a series that nobody needs.
  void EraseIfUnused(Partition& partition, HotSeries* series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void CountTable(Partition& partition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(partition.mutex);
  void CountNames(const HotSeries* series, int sign);
  // A series that has no points any more (+1) or gets its first (-1).
  void CountIdle(const HotSeries* series, int sign);
  uint32_t NowMs() const;

  const CacheOptions options_;
  base::Clock& clock_;
  CacheMetrics& metrics_;
  const absl::Duration started_at_;
  std::function<void()> listener_;  // const after SetListener

  MemoryBudget memory_;
  TenantUsages tenants_;
  std::vector<std::unique_ptr<Partition>> partitions_;

  // Of the flusher's thread.
  uint32_t next_partition_ = 0;  // where the next look begins
  RateBudget updates_;
  RateBudget creates_;

  // Relaxed counters; exact once writers are quiet.
  std::atomic<size_t> name_bytes_{0};       // series without their points
  std::atomic<size_t> idle_name_bytes_{0};  // of these, of series that have none
  std::atomic<uint64_t> unstored_points_{0};
  std::atomic<uint64_t> points_in_memory_{0};
  std::atomic<uint64_t> series_count_{0};
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> has_unfair_tenants_{false};

  base::Mutex linger_mutex_;
  std::deque<std::unique_ptr<FlushBatch>> lingering_ ABSL_GUARDED_BY(linger_mutex_);
};

}  // namespace plumbago::cache

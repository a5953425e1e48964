#include "cache/point_cache.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace plumbago::cache {
namespace {

// So many series are handled under one lock at most.
constexpr size_t kSeriesPerLock = 64;
// How far ahead of its use a series is fetched into the processor's cache.
constexpr size_t kPrefetchDistance = 8;

}  // namespace

size_t PointCache::SeriesHash::operator()(const HotSeries* series) const {
  return HashOf(series->tenant(), series->metric());
}

PointCache::PointCache(const CacheOptions& options, base::Clock& clock, CacheMetrics& metrics)
    : options_(options), clock_(clock), metrics_(metrics), started_at_(clock.Monotonic()) {
  PLUMBAGO_CHECK(options.batch_points_max > 0 && options.batch_points_max <= kFlushPointsMax);
  metrics_.memory_bytes_max.Set(static_cast<double>(options.memory_bytes_max));
}

PointCache::~PointCache() {
  for (Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    for (HotSeries* series : partition.series) delete series;
  }
}

uint64_t PointCache::HashOf(absl::string_view tenant, absl::string_view metric) {
  return base::Hash128(metric, base::Hash64(tenant)).low;
}

SeriesReference PointCache::Acquire(absl::string_view tenant, absl::string_view metric,
                                    Bound bound) {
  const SeriesKey key{tenant, metric, HashOf(tenant, metric)};
  // The high bits: the low ones choose the bucket within the partition.
  const auto index = static_cast<uint32_t>(key.hash >> 32) % kPartitions;
  Partition& partition = partitions_[index];
  base::MutexLock lock(partition.mutex);
  auto found = partition.series.find(key);
  if (found == partition.series.end()) {
    const size_t name_bytes = name_bytes_.load(std::memory_order_relaxed);
    if (bound == Bound::kEnforced && name_bytes >= options_.memory_bytes_max / 2) return {};
    auto series = std::make_unique<HotSeries>(tenant, metric);
    name_bytes_.fetch_add(series->memory_bytes(), std::memory_order_relaxed);
    AddMemory(static_cast<int64_t>(series->memory_bytes()));
    series_count_.fetch_add(1, std::memory_order_relaxed);
    found = partition.series.insert(series.release()).first;  // owned by the set
  }
  ++(*found)->references;
  return {*found, index};
}

void PointCache::Release(absl::Span<const SeriesReference> references) {
  for (const SeriesReference& reference : references) {
    Partition& partition = partitions_[reference.partition];
    base::MutexLock lock(partition.mutex);
    --reference.series->references;
    EraseIfUnused(partition, reference.series);
  }
}

// Points are sorted by partition first, so that each lock is taken once a batch.
void PointCache::Append(absl::Span<const SeriesReference> series,
                        absl::Span<const uint32_t> time_seconds, absl::Span<const double> value,
                        uint32_t segment) {
  unstored_points_.fetch_add(series.size(), std::memory_order_relaxed);
  points_in_memory_.fetch_add(series.size(), std::memory_order_relaxed);
  std::array<uint32_t, kPartitions + 1> begin{};
  for (const SeriesReference& reference : series) ++begin[reference.partition + 1];
  for (uint32_t i = 0; i < kPartitions; ++i) begin[i + 1] += begin[i];
  std::vector<uint32_t> order(series.size());
  std::array<uint32_t, kPartitions + 1> next = begin;
  for (uint32_t i = 0; i < series.size(); ++i) order[next[series[i].partition]++] = i;
  for (uint32_t i = 0; i < kPartitions; ++i) {
    const auto mine = absl::MakeConstSpan(order).subspan(begin[i], begin[i + 1] - begin[i]);
    if (!mine.empty())
      AppendToPartition(partitions_[i], mine, series, time_seconds, value, segment);
  }
}

void PointCache::AppendToPartition(Partition& partition, absl::Span<const uint32_t> order,
                                   absl::Span<const SeriesReference> series,
                                   absl::Span<const uint32_t> time_seconds,
                                   absl::Span<const double> value, uint32_t segment) {
  const uint32_t now_ms = NowMs();
  int64_t grown_bytes = 0;
  base::MutexLock lock(partition.mutex);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i + kPrefetchDistance < order.size()) {
      __builtin_prefetch(series[order[i + kPrefetchDistance]].series);
    }
    HotSeries* const one = series[order[i]].series;
    const size_t before = one->points.memory_bytes();
    one->points.Append(time_seconds[order[i]], value[order[i]]);
    grown_bytes += static_cast<int64_t>(one->points.memory_bytes() - before);
    const uint32_t pending_count = one->pending_count();
    if (pending_count == 1) {
      one->pending_since_ms = now_ms;
      one->pending_segment = segment;
      // While points are in flight the series is queued when they have arrived.
      if (!one->is_in_flight()) Requeue(partition, one);
    } else if (pending_count == options_.flush_points && !one->is_in_flight()) {
      Requeue(partition, one);
    }
  }
  AddMemory(grown_bytes);
}

uint32_t PointCache::OldestUnstoredSegment() const {
  uint32_t oldest = UINT32_MAX;
  for (const Partition& partition : partitions_) {
    base::MutexLock lock(partition.mutex);
    for (const HotSeries* series : partition.series) {
      if (series->is_in_flight()) oldest = std::min(oldest, series->in_flight_segment);
      if (series->pending_count() > 0) oldest = std::min(oldest, series->pending_segment);
    }
  }
  return oldest;
}

bool PointCache::WaitForRoom() {
  if (memory_bytes_.load(std::memory_order_relaxed) < options_.memory_bytes_max) return true;
  metrics_.waits_for_memory.Increment();
  base::MutexLock lock(room_mutex_);
  while (!is_stopped_ && memory_bytes_.load() >= options_.memory_bytes_max) {
    room_.Wait(lock);
  }
  return !is_stopped_;
}

void PointCache::Read(absl::string_view tenant, absl::string_view metric, uint32_t from,
                      uint32_t until, std::vector<Point>* points) const {
  const SeriesKey key{tenant, metric, HashOf(tenant, metric)};
  const Partition& partition = partitions_[static_cast<uint32_t>(key.hash >> 32) % kPartitions];
  base::MutexLock lock(partition.mutex);
  const auto found = partition.series.find(key);
  if (found == partition.series.end()) return;
  const PointBuffer& buffer = (*found)->points;
  for (uint32_t i = 0; i < buffer.size(); ++i) {
    const Point point = buffer.At(i);
    if (point.time_seconds >= from && point.time_seconds <= until) points->push_back(point);
  }
}

bool PointCache::TakeDue(FlushBatch* batch) {
  const uint32_t now_ms = NowMs();
  const uint32_t first = next_partition_.fetch_add(1);
  for (uint32_t i = 0; i < kPartitions; ++i) {
    const uint32_t index = (first + i) % kPartitions;
    Partition& partition = partitions_[index];
    size_t taken_count = kSeriesPerLock;
    while (taken_count == kSeriesPerLock) {
      taken_count = 0;
      base::MutexLock lock(partition.mutex);
      while (taken_count < kSeriesPerLock && HasRoom(*batch)) {
        HotSeries* const series = NextDue(partition, now_ms);
        if (series == nullptr) break;
        Dequeue(partition, series);
        Take(series, index, batch);
        ++taken_count;
      }
    }
    if (!HasRoom(*batch)) break;
  }
  if (batch->series.empty()) return false;
  metrics_.flush_batches.Increment();
  metrics_.flushed_series.Increment(static_cast<double>(batch->series.size()));
  return true;
}

// The head of the first queue that has something due: a full series, then a new one, so that it
// can be found soon, then the oldest.
HotSeries* PointCache::NextDue(Partition& partition, uint32_t now_ms) {
  const bool is_everything_due = is_draining_.load(std::memory_order_relaxed) || is_nearly_full();
  const auto is_due = [&](const HotSeries* series, absl::Duration age) {
    if (series == nullptr) return false;
    // Signed: a point may have come after `now_ms` was taken.
    const auto age_ms = static_cast<int32_t>(now_ms - series->pending_since_ms);
    return is_everything_due || age_ms >= absl::ToInt64Milliseconds(age);
  };
  HotSeries* const full = partition.queues[static_cast<int>(FlushQueue::kFull)].head;
  if (full != nullptr) return full;
  HotSeries* const fresh = partition.queues[static_cast<int>(FlushQueue::kNew)].head;
  if (is_due(fresh, options_.new_series_flush_age)) return fresh;
  HotSeries* const aged = partition.queues[static_cast<int>(FlushQueue::kAged)].head;
  return is_due(aged, options_.flush_age) ? aged : nullptr;
}

void PointCache::Take(HotSeries* series, uint32_t partition, FlushBatch* batch) {
  const size_t room = options_.batch_points_max - batch->value.size();
  const auto count = static_cast<uint32_t>(std::min<size_t>(series->pending_count(), room));
  batch->series.push_back(series);
  batch->partition.push_back(partition);
  batch->point_count.push_back(count);
  for (uint32_t i = series->sent_count; i < series->sent_count + count; ++i) {
    const Point point = series->points.At(i);
    batch->time_seconds.push_back(point.time_seconds);
    batch->value.push_back(point.value);
  }
  series->sent_count += count;  // what is left is queued again when this has arrived
  series->in_flight_segment = series->pending_segment;
  if (series->in_flight_segment != 0 &&
      (batch->oldest_segment == 0 || series->in_flight_segment < batch->oldest_segment)) {
    batch->oldest_segment = series->in_flight_segment;
  }
}

bool PointCache::HasRoom(const FlushBatch& batch) const {
  return batch.value.size() < options_.batch_points_max && batch.series.size() < kFlushSeriesMax;
}

void PointCache::OnApplied(std::unique_ptr<FlushBatch> batch,
                           absl::Span<const RefusedSeries> refused) {
  size_t next_refused = 0;
  uint64_t stored_count = 0;
  for (size_t i = 0; i < batch->series.size(); ++i) {
    const RefusedSeries* refusal = nullptr;
    if (next_refused < refused.size() && refused[next_refused].index == i) {
      refusal = &refused[next_refused++];
    }
    HotSeries* const series = batch->series[i];
    Partition& partition = partitions_[batch->partition[i]];
    base::MutexLock lock(partition.mutex);
    if (refusal != nullptr && refusal->may_retry) {
      series->sent_count = series->stored_count;
      series->pending_since_ms = NowMs();  // again after flush_age, not in a tight loop
      series->pending_segment = series->in_flight_segment;
      batch->point_count[i] = 0;  // nothing of it lingers
    } else {
      series->stored_count = series->sent_count;
      series->was_flushed = true;
      stored_count += batch->point_count[i];
    }
    series->in_flight_segment = 0;
    if (series->pending_count() > 0) Requeue(partition, series);
  }
  unstored_points_.fetch_sub(stored_count, std::memory_order_relaxed);
  for (const RefusedSeries& one : refused) {
    if (one.may_retry) continue;
    stored_count -= one.point_count;
    metrics_.refused_by_store(std::string(batch->series[one.index]->tenant()), one.reason)
        .Increment(one.point_count);
  }
  metrics_.points_stored.Increment(static_cast<double>(stored_count));
  // What lingers needs no columns any more.
  batch->time_seconds = {};
  batch->value = {};
  batch->stored_at = clock_.Monotonic();
  base::MutexLock lock(linger_mutex_);
  lingering_.push_back(std::move(batch));
}

void PointCache::Expire() {
  const absl::Duration now = clock_.Monotonic();
  for (;;) {
    std::unique_ptr<FlushBatch> batch;
    {
      base::MutexLock lock(linger_mutex_);
      if (lingering_.empty()) break;
      const bool is_old = now - lingering_.front()->stored_at >= options_.flush_linger;
      if (!is_old && !is_nearly_full()) break;
      batch = std::move(lingering_.front());
      lingering_.pop_front();
    }
    for (size_t i = 0; i < batch->series.size(); ++i) {
      Partition& partition = partitions_[batch->partition[i]];
      base::MutexLock lock(partition.mutex);
      DropFront(partition, batch->series[i], batch->point_count[i]);
    }
  }
}

void PointCache::Stop() {
  base::MutexLock lock(room_mutex_);
  is_stopped_ = true;
  room_.NotifyAll();
}

void PointCache::PublishGauges() {
  metrics_.points_pending.Set(static_cast<double>(unstored_points_.load()));
  metrics_.points_in_memory.Set(static_cast<double>(points_in_memory_.load()));
  metrics_.series.Set(static_cast<double>(series_count_.load()));
  metrics_.memory_bytes.Set(static_cast<double>(memory_bytes_.load()));
}

void PointCache::Enqueue(Partition& partition, HotSeries* series, FlushQueue queue) {
  Queue& list = partition.queues[static_cast<int>(queue)];
  series->queue = queue;
  series->previous = list.tail;
  series->next = nullptr;
  (list.tail == nullptr ? list.head : list.tail->next) = series;
  list.tail = series;
}

void PointCache::Dequeue(Partition& partition, HotSeries* series) {
  Queue& list = partition.queues[static_cast<int>(series->queue)];
  (series->previous == nullptr ? list.head : series->previous->next) = series->next;
  (series->next == nullptr ? list.tail : series->next->previous) = series->previous;
  series->next = series->previous = nullptr;
  series->queue = FlushQueue::kNone;
}

void PointCache::Requeue(Partition& partition, HotSeries* series) {
  if (series->queue != FlushQueue::kNone) Dequeue(partition, series);
  if (series->pending_count() >= options_.flush_points) {
    Enqueue(partition, series, FlushQueue::kFull);
  } else {
    Enqueue(partition, series, series->was_flushed ? FlushQueue::kAged : FlushQueue::kNew);
  }
}

void PointCache::DropFront(Partition& partition, HotSeries* series, uint32_t count) {
  if (count > 0) {
    const size_t before = series->points.memory_bytes();
    series->points.DropFront(count);
    series->stored_count -= count;
    series->sent_count -= count;
    points_in_memory_.fetch_sub(count, std::memory_order_relaxed);
    AddMemory(static_cast<int64_t>(series->points.memory_bytes()) - static_cast<int64_t>(before));
  }
  EraseIfUnused(partition, series);
}

void PointCache::EraseIfUnused(Partition& partition, HotSeries* series) {
  if (series->references > 0 || series->points.size() > 0) return;
  name_bytes_.fetch_sub(series->memory_bytes(), std::memory_order_relaxed);
  AddMemory(-static_cast<int64_t>(series->memory_bytes()));
  series_count_.fetch_sub(1, std::memory_order_relaxed);
  partition.series.erase(series);
  delete series;
}

void PointCache::AddMemory(int64_t bytes) {
  const size_t before = memory_bytes_.fetch_add(static_cast<size_t>(bytes));
  const size_t after = before + static_cast<size_t>(bytes);
  if (before < options_.memory_bytes_max || after >= options_.memory_bytes_max) return;
  base::MutexLock lock(room_mutex_);
  room_.NotifyAll();
}

uint32_t PointCache::NowMs() const {
  return static_cast<uint32_t>(absl::ToInt64Milliseconds(clock_.Monotonic() - started_at_));
}

bool PointCache::is_nearly_full() const {
  return memory_bytes_.load(std::memory_order_relaxed) >= options_.memory_bytes_max / 4 * 3;
}

}  // namespace plumbago::cache

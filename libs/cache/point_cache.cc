#include "cache/point_cache.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/allocator.h"
#include "base/check.h"
#include "base/hash.h"

namespace plumbago::cache {
namespace {

// So many series are handled under one lock at most.
constexpr size_t kSeriesPerLock = 64;
// How far ahead of its use a series is fetched into the processor's cache; the end of its points,
// which is known only then, half as far.
constexpr size_t kPrefetchDistance = 16;

}  // namespace

PointCache::PointCache(const CacheOptions& options, base::Clock& clock, CacheMetrics& metrics)
    : options_(options),
      clock_(clock),
      metrics_(metrics),
      started_at_(clock.Monotonic()),
      memory_(options.memory_bytes_max),
      updates_(options.updates_per_second_max, started_at_),
      creates_(options.creates_per_second_max, started_at_) {
  PLUMBAGO_CHECK(options.batch_points_max > 0 && options.batch_points_max <= kFlushPointsMax);
  for (uint32_t i = 0; i < kPartitions; ++i) {
    partitions_.push_back(std::make_unique<Partition>(options));
  }
  metrics_.memory_bytes_max.Set(static_cast<double>(options.memory_bytes_max));
}

PointCache::~PointCache() {
  for (const auto& partition : partitions_) {
    base::MutexLock lock(partition->mutex);
    for (HotSeries* series : partition->series) HotSeries::Destroy(series);
  }
}

uint64_t PointCache::HashOf(const TenantUsage& usage, absl::string_view metric) {
  return base::Hash128(metric, usage.hash_seed).low;
}

uint32_t PointCache::PartitionOf(absl::string_view tenant, absl::string_view metric) {
  return PartitionOfHash(HashOf(tenants_.Of(tenant), metric));
}

SeriesReference PointCache::Acquire(absl::string_view tenant, absl::string_view metric,
                                    Bound bound) {
  TenantUsage& usage = tenants_.Of(tenant);
  const SeriesKey key{&usage, metric, HashOf(usage, metric)};
  const uint32_t index = PartitionOfHash(key.hash);
  Partition& partition = *partitions_[index];
  base::MutexLock lock(partition.mutex);
  auto found = partition.series.find(key);
  if (found == partition.series.end()) {
    const size_t name_bytes = name_bytes_.load(std::memory_order_relaxed);
    const bool is_bound = name_bytes >= options_.memory_bytes_max / 2 ||
                          usage.is_over_share.load(std::memory_order_relaxed);
    if (bound == Bound::kEnforced && is_bound && !tenants_.IsWithinReserve(usage)) return {};
    found = partition.series.insert(HotSeries::Make(usage, index, metric)).first;
    CountNames(*found, +1);
    CountTable(partition);
  }
  ++(*found)->references;
  return {*found, index};
}

void PointCache::Release(absl::Span<const SeriesReference> references) {
  for (const SeriesReference& reference : references) {
    Partition& partition = *partitions_[reference.partition];
    base::MutexLock lock(partition.mutex);
    --reference.series->references;
    EraseIfUnused(partition, reference.series);
  }
}

// Points are sorted by partition first, so that each lock is taken once a batch.
void PointCache::Append(absl::Span<const SeriesReference> series,
                        absl::Span<const uint32_t> time_seconds, absl::Span<const double> value,
                        const PointOrigin& origin) {
  const uint64_t unstored_before = unstored_points_.fetch_add(series.size());
  points_in_memory_.fetch_add(series.size(), std::memory_order_relaxed);
  std::array<uint32_t, kPartitions + 1> begin{};
  for (const SeriesReference& reference : series) ++begin[reference.partition + 1];
  for (uint32_t i = 0; i < kPartitions; ++i) begin[i + 1] += begin[i];
  std::vector<uint32_t> order(series.size());
  std::array<uint32_t, kPartitions + 1> next = begin;
  for (uint32_t i = 0; i < series.size(); ++i) order[next[series[i].partition]++] = i;
  for (uint32_t i = 0; i < kPartitions; ++i) {
    const auto mine = absl::MakeConstSpan(order).subspan(begin[i], begin[i + 1] - begin[i]);
    if (mine.empty()) continue;
    AppendToPartition(*partitions_[i], mine, series, time_seconds, value, origin);
  }
  if (unstored_before == 0 && listener_) listener_();
}

void PointCache::AppendToPartition(Partition& partition, absl::Span<const uint32_t> order,
                                   absl::Span<const SeriesReference> series,
                                   absl::Span<const uint32_t> time_seconds,
                                   absl::Span<const double> value, const PointOrigin& origin) {
  const uint32_t now_ms = NowMs();
  const auto batch_arrival_ms = static_cast<uint32_t>(origin.received_unix_ms);
  int64_t grown_bytes = 0;
  uint64_t superseded_count = 0;
  base::MutexLock lock(partition.mutex);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i + kPrefetchDistance < order.size()) {
      series[order[i + kPrefetchDistance]].series->Prefetch();
    }
    if (i + kPrefetchDistance / 2 < order.size()) {
      series[order[i + kPrefetchDistance / 2]].series->points.PrefetchEnd();
    }
    HotSeries* const one = series[order[i]].series;
    const uint32_t time = time_seconds[order[i]];
    const uint32_t latest_ms = one->points.latest_arrival_ms();
    const uint32_t arrival_ms = origin.received_unix_ms == 0 ? latest_ms : batch_arrival_ms;
    const size_t before = one->points.memory_bytes();
    const bool is_wanted =
        !IsLaterArrival(latest_ms, arrival_ms) || IsWanted(*one, time, value[order[i]], arrival_ms);
    if (is_wanted) {
      if (before == 0) CountIdle(one, -1);
      one->points.Append(time, value[order[i]], arrival_ms);
      OnPending(partition, one, now_ms, origin.journal_segment);
    } else {
      ++superseded_count;
    }
    if (const size_t after = one->points.memory_bytes(); after != before) {
      const auto more = static_cast<int64_t>(after - before);
      one->usage.bytes.fetch_add(more, std::memory_order_relaxed);
      grown_bytes += more;
    }
  }
  memory_.Add(grown_bytes);
  if (superseded_count == 0) return;
  unstored_points_.fetch_sub(superseded_count, std::memory_order_relaxed);
  points_in_memory_.fetch_sub(superseded_count, std::memory_order_relaxed);
  metrics_.points_merged.Increment(static_cast<double>(superseded_count));
}

bool PointCache::IsWanted(HotSeries& series, uint32_t time_seconds, double value,
                          uint32_t arrival_ms) {
  const auto held = series.points.FindLast(time_seconds);
  if (!held.has_value()) return true;
  if (IsLaterArrival(held->arrival_ms, arrival_ms)) return false;
  const bool is_same_point = held->arrival_ms == arrival_ms && held->value == value;
  return !is_same_point;
}

void PointCache::OnPending(Partition& partition, HotSeries* series, uint32_t now_ms,
                           uint32_t segment) {
  const uint32_t pending_count = series->pending_count();
  if (pending_count == 1) {
    series->pending_since_ms = now_ms;
    series->pending_segment = segment;
    // While points are in flight the series is queued when they have arrived.
    if (!series->is_in_flight()) partition.queues.Put(series);
  } else if (!series->is_in_flight()) {
    partition.queues.OnGrown(series);
  }
}

uint32_t PointCache::OldestUnstoredSegment() const {
  uint32_t oldest = UINT32_MAX;
  for (const auto& partition : partitions_) {
    base::MutexLock lock(partition->mutex);
    for (const HotSeries* series : partition->series) {
      if (series->is_in_flight()) oldest = std::min(oldest, series->in_flight_segment);
      if (series->pending_count() > 0) oldest = std::min(oldest, series->pending_segment);
    }
  }
  return oldest;
}

bool PointCache::WaitForRoom() {
  for (;;) {
    const MemoryBudget::Room room = WaitForRoom(absl::Seconds(1));
    if (room != MemoryBudget::Room::kNotYet) return room == MemoryBudget::Room::kYes;
  }
}

MemoryBudget::Room PointCache::WaitForRoom(absl::Duration timeout) {
  if (!memory_.is_full()) return MemoryBudget::Room::kYes;
  metrics_.waits_for_memory.Increment();
  return memory_.WaitForRoom(timeout);
}

bool PointCache::wants_fresh_dictionaries() const {
  const size_t name_bytes = name_bytes_.load(std::memory_order_relaxed);
  return name_bytes >= options_.memory_bytes_max / 4 &&
         idle_name_bytes_.load(std::memory_order_relaxed) >= name_bytes / 2;
}

void PointCache::UpdatePressure(size_t process_bytes) {
  if (process_bytes > 0) memory_.SetProcessBytes(process_bytes);
  if (!memory_.is_nearly_full() && !has_unfair_tenants()) return;
  const size_t used_bytes = memory_.used_bytes();
  const size_t excess_bytes =
      used_bytes > memory_.shared_bytes() ? used_bytes - memory_.shared_bytes() : 0;
  has_unfair_tenants_.store(tenants_.UpdateShares(excess_bytes, memory_.reserve_bytes()),
                            std::memory_order_relaxed);
}

void PointCache::Read(absl::string_view tenant, absl::string_view metric, uint32_t from,
                      uint32_t until, std::vector<Point>* points) const {
  const TenantUsage* const usage = tenants_.Find(tenant);
  if (usage == nullptr) return;
  const SeriesKey key{usage, metric, HashOf(*usage, metric)};
  const Partition& partition = *partitions_[PartitionOfHash(key.hash)];
  base::MutexLock lock(partition.mutex);
  const auto found = partition.series.find(key);
  if (found == partition.series.end()) return;
  PointBuffer::Reader reader((*found)->points);
  Point point;
  while (reader.Next(&point)) {
    if (point.time_seconds >= from && point.time_seconds <= until) points->push_back(point);
  }
}

FlushDue PointCache::DueNow() const {
  return {.now_ms = NowMs(),
          .flush_age = options_.flush_age,
          .new_series_flush_age = options_.new_series_flush_age,
          .is_everything_due =
              is_draining_.load(std::memory_order_relaxed) || memory_.is_nearly_full()};
}

bool PointCache::TakeDue(FlushBatch* batch) {
  const FlushDue due = DueNow();
  const absl::Duration now = clock_.Monotonic();
  updates_.Refill(now);
  creates_.Refill(now);
  TakeNew(due, batch);
  TakeKnown(due, batch);
  if (batch->series.empty()) return false;
  memory_.Add(static_cast<int64_t>(batch->memory_bytes()));
  metrics_.flush_batches.Increment();
  metrics_.flushed_series.Increment(static_cast<double>(batch->series.size()));
  return true;
}

bool PointCache::MayWrite(const RateBudget& budget) const {
  return budget.has_more() || is_draining_.load(std::memory_order_relaxed);
}

void PointCache::TakeNew(const FlushDue& due, FlushBatch* batch) {
  const uint32_t first = next_partition_++;
  for (uint32_t i = 0; i < kPartitions; ++i) {
    Partition& partition = *partitions_[(first + i) % kPartitions];
    for (size_t taken_count = kSeriesPerLock; taken_count == kSeriesPerLock;) {
      taken_count = 0;
      base::MutexLock lock(partition.mutex);
      while (taken_count < kSeriesPerLock && HasRoom(*batch) && MayWrite(creates_) &&
             MayWrite(updates_)) {
        HotSeries* const series = partition.queues.NextNew(due);
        if (series == nullptr) break;
        Take(partition, series, batch);
        creates_.Take();
        ++taken_count;
      }
    }
  }
}

void PointCache::TakeKnown(const FlushDue& due, FlushBatch* batch) {
  while (HasRoom(*batch) && MayWrite(updates_)) {
    Partition* const partition = MostUrgent(due);
    if (partition == nullptr) return;
    base::MutexLock lock(partition->mutex);
    for (size_t i = 0; i < kSeriesPerLock && HasRoom(*batch) && MayWrite(updates_); ++i) {
      HotSeries* const series = partition->queues.NextKnown(due);
      if (series == nullptr) break;
      Take(*partition, series, batch);
    }
  }
}

PointCache::Partition* PointCache::MostUrgent(const FlushDue& due) {
  Partition* most_urgent = nullptr;
  uint64_t highest = 0;
  for (uint32_t i = 0; i < kPartitions; ++i) {
    Partition& partition = *partitions_[(next_partition_ + i) % kPartitions];
    base::MutexLock lock(partition.mutex);
    const uint64_t urgency = partition.queues.Urgency(due);
    if (urgency <= highest) continue;
    highest = urgency;
    most_urgent = &partition;
    if (options_.flush_strategy == FlushStrategy::kNaive) break;
  }
  return most_urgent;
}

void PointCache::Take(Partition& partition, HotSeries* series, FlushBatch* batch) {
  partition.queues.Remove(series);
  updates_.Take();
  const size_t room = options_.batch_points_max - batch->value.size();
  const auto count = static_cast<uint32_t>(std::min<size_t>(series->pending_count(), room));
  if (batch->value.empty()) {  // columns that grow are copied again and again
    const size_t likely_count = std::min<size_t>(unstored_points_.load(std::memory_order_relaxed),
                                                 options_.batch_points_max);
    batch->time_seconds.reserve(likely_count);
    batch->value.reserve(likely_count);
  }
  batch->series.push_back(series);
  batch->point_count.push_back(count);
  PointBuffer::Reader reader(series->points);
  reader.Skip(series->sent_count);
  Point point;
  for (uint32_t i = 0; i < count && reader.Next(&point); ++i) {
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
    Partition& partition = *partitions_[series->partition];
    base::MutexLock lock(partition.mutex);
    series->was_refused = refusal != nullptr && refusal->may_retry;
    if (series->was_refused) {
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
    if (series->pending_count() > 0) partition.queues.Put(series);
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
  const auto before_bytes = static_cast<int64_t>(batch->memory_bytes());
  std::vector<uint32_t>().swap(batch->time_seconds);  // an assignment of {} would keep the memory
  std::vector<double>().swap(batch->value);
  batch->stored_at = clock_.Monotonic();
  memory_.Add(static_cast<int64_t>(batch->memory_bytes()) - before_bytes);
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
      if (!is_old && !memory_.is_nearly_full()) break;
      batch = std::move(lingering_.front());
      lingering_.pop_front();
    }
    for (size_t i = 0; i < batch->series.size(); ++i) {
      Partition& partition = *partitions_[batch->series[i]->partition];
      base::MutexLock lock(partition.mutex);
      DropFront(partition, batch->series[i], batch->point_count[i]);
    }
    memory_.Add(-static_cast<int64_t>(batch->memory_bytes()));
  }
}

absl::Duration PointCache::IdleTime() {
  if (unstored_points_.load() > 0 || memory_.is_nearly_full()) return absl::ZeroDuration();
  base::MutexLock lock(linger_mutex_);
  if (lingering_.empty()) return absl::InfiniteDuration();
  return lingering_.front()->stored_at + options_.flush_linger - clock_.Monotonic();
}

void PointCache::PublishGauges() {
  metrics_.points_pending.Set(static_cast<double>(unstored_points_.load()));
  metrics_.points_in_memory.Set(static_cast<double>(points_in_memory_.load()));
  metrics_.series.Set(static_cast<double>(series_count_.load()));
  metrics_.memory_bytes.Set(static_cast<double>(memory_.counted_bytes()));
  metrics_.memory_used_bytes.Set(static_cast<double>(memory_.used_bytes()));
}

void PointCache::DropFront(Partition& partition, HotSeries* series, uint32_t count) {
  if (count > 0) {
    const size_t before = series->points.memory_bytes();
    series->points.DropFront(count);
    series->stored_count -= count;
    series->sent_count -= count;
    points_in_memory_.fetch_sub(count, std::memory_order_relaxed);
    const auto freed = static_cast<int64_t>(before - series->points.memory_bytes());
    series->usage.bytes.fetch_sub(freed, std::memory_order_relaxed);
    memory_.Add(-freed);
    if (series->points.size() == 0) CountIdle(series, +1);
  }
  EraseIfUnused(partition, series);
}

void PointCache::EraseIfUnused(Partition& partition, HotSeries* series) {
  if (series->references > 0 || series->points.size() > 0) return;
  partition.series.erase(series);
  // A set does not shrink by itself.
  if (partition.series.empty() || partition.series.size() < partition.series.capacity() / 8) {
    partition.series.rehash(0);
  }
  CountTable(partition);
  CountNames(series, -1);
  HotSeries::Destroy(series);
}

// A series that is made (+1) or goes (-1); it has no points.
void PointCache::CountNames(const HotSeries* series, int sign) {
  const int64_t bytes = sign * static_cast<int64_t>(series->name_memory_bytes());
  name_bytes_.fetch_add(static_cast<size_t>(bytes), std::memory_order_relaxed);
  CountIdle(series, sign);
  series->usage.bytes.fetch_add(bytes, std::memory_order_relaxed);
  memory_.Add(bytes);
  series_count_.fetch_add(static_cast<uint64_t>(sign), std::memory_order_relaxed);
}

void PointCache::CountIdle(const HotSeries* series, int sign) {
  const int64_t bytes = sign * static_cast<int64_t>(series->name_memory_bytes());
  idle_name_bytes_.fetch_add(static_cast<size_t>(bytes), std::memory_order_relaxed);
}

// The set has a byte of control and a pointer a place, and some bytes more.
void PointCache::CountTable(Partition& partition) {
  const size_t places = partition.series.capacity();
  const size_t bytes =
      places == 0 ? 0 : base::AllocatedBytes((places + 23) / 8 * 8 + places * sizeof(HotSeries*));
  if (bytes == partition.table_bytes) return;
  memory_.Add(static_cast<int64_t>(bytes) - static_cast<int64_t>(partition.table_bytes));
  partition.table_bytes = bytes;
}

uint32_t PointCache::NowMs() const {
  return static_cast<uint32_t>(absl::ToInt64Milliseconds(clock_.Monotonic() - started_at_));
}

}  // namespace plumbago::cache

#include "cache/point_journal.h"

#include <algorithm>

#include "base/allocator.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "journal/point_records.h"

namespace plumbago::cache {
namespace {

// How far ahead of its use a series is fetched into the processor's cache.
constexpr size_t kPrefetchDistance = 16;

}  // namespace

absl::StatusOr<std::unique_ptr<PointJournal>> PointJournal::Open(
    base::FileSystem& file_system, base::Clock& clock, const JournalOptions& options,
    const journal::ReadResult& found, PointCache& cache, uint64_t replayed_count) {
  std::unique_ptr<PointJournal> journal(new PointJournal(options, clock, cache));
  PLUMBAGO_ASSIGN_OR_RETURN(journal->writer_,
                            journal::Writer::Open(file_system, clock, options.writer, found));
  base::MutexLock lock(journal->mutex_);
  if (replayed_count > 0) journal->point_counts_[found.last_segment] = replayed_count;
  return journal;
}

absl::Status PointJournal::Append(absl::Span<const SeriesReference> series,
                                  absl::Span<const uint32_t> time_seconds,
                                  absl::Span<const double> values, int64_t received_unix_ms) {
  if (series.empty()) return absl::OkStatus();
  journal::Position position;
  {
    base::MutexLock lock(mutex_);
    if (writer_->is_segment_full()) PLUMBAGO_RETURN_IF_ERROR(writer_->Roll());
    PLUMBAGO_RETURN_IF_ERROR(NameSeries(series));
    journal::BeginRecord(record_);
    journal::AppendArrival(received_unix_ms, record_);
    journal::AppendPoints(numbers_, time_seconds, values, record_);
    PLUMBAGO_ASSIGN_OR_RETURN(position, writer_->Append(journal::kArrivedPointsRecord, record_));
    point_counts_[position.segment] += series.size();
    CountScratch();
    base::Failpoint("journal.written");
    // Under the lock: where two streams write one time of a series, memory and replay must agree
    // about which came last.
    cache_.Append(series, time_seconds, values,
                  {.journal_segment = static_cast<uint32_t>(position.segment),
                   .received_unix_ms = received_unix_ms});
  }
  writer_->WaitUntilDurable(position);
  return absl::OkStatus();
}

// Numbers the series in numbers_, after a record that names those which are new to the segment.
absl::Status PointJournal::NameSeries(absl::Span<const SeriesReference> series) {
  const auto segment = static_cast<uint32_t>(writer_->segment());
  if (numbered_segment_ != segment) {
    numbered_segment_ = segment;
    segment_began_ = clock_.Monotonic();
    next_number_ = 0;
  }
  const uint32_t first_new = next_number_;
  journal::BeginRecord(record_);
  const size_t empty_bytes = record_.size();
  numbers_.resize(series.size());
  for (size_t i = 0; i < series.size(); ++i) {
    if (i + kPrefetchDistance < series.size()) {
      __builtin_prefetch(&series[i + kPrefetchDistance].series->journal_number);
    }
    HotSeries& one = *series[i].series;
    if (one.journal_segment != segment) {
      one.journal_segment = segment;
      one.journal_number = next_number_++;
      journal::AppendSeries(one.journal_number, one.tenant(), one.metric(), record_);
    }
    numbers_[i] = one.journal_number;
  }
  if (record_.size() == empty_bytes) return absl::OkStatus();
  const absl::Status status = writer_->Append(journal::kSeriesRecord, record_).status();
  if (status.ok()) return status;
  next_number_ = first_new;  // they are still to be named
  for (const SeriesReference& reference : series) {
    if (reference.series->journal_number >= first_new) reference.series->journal_segment = 0;
  }
  return status;
}

bool PointJournal::WaitForRoom() { return WaitForDisk() && cache_.WaitForRoom(); }

MemoryBudget::Room PointJournal::WaitForRoom(absl::Duration memory_timeout) {
  return WaitForDisk() ? cache_.WaitForRoom(memory_timeout) : MemoryBudget::Room::kStopped;
}

bool PointJournal::WaitForDisk() {
  base::MutexLock lock(mutex_);
  while (!is_stopped_ && writer_->total_bytes() >= options_.bytes_max) room_.Wait(lock);
  return !is_stopped_;
}

// What is kept between calls belongs to the bound on memory.
void PointJournal::CountScratch() {
  const size_t bytes = base::AllocatedBytes(record_.capacity() + 1) +
                       base::AllocatedBytes(numbers_.capacity() * sizeof(uint32_t));
  if (bytes == scratch_bytes_) return;
  cache_.memory().Add(static_cast<int64_t>(bytes) - static_cast<int64_t>(scratch_bytes_));
  scratch_bytes_ = bytes;
}

void PointJournal::Stop() {
  {
    base::MutexLock lock(mutex_);
    is_stopped_ = true;
  }
  room_.NotifyAll();
  cache_.Stop();
}

uint64_t PointJournal::point_count() {
  base::MutexLock lock(mutex_);
  uint64_t count = 0;
  for (const auto& [segment, points] : point_counts_) count += points;
  return count;
}

absl::Status PointJournal::EndSegment() {
  base::MutexLock lock(mutex_);
  return writer_->Roll();
}

absl::Status PointJournal::Cut(absl::FunctionRef<uint32_t()> oldest_needed) {
  uint64_t present = 0;
  {
    base::MutexLock lock(mutex_);
    if (clock_.Monotonic() - segment_began_ >= options_.segment_age_max) {
      PLUMBAGO_RETURN_IF_ERROR(writer_->Roll());
    }
    present = writer_->segment();
  }
  // What is appended from here on is in the present segment or a later one.
  const uint64_t oldest = std::min<uint64_t>(oldest_needed(), present);
  {
    base::MutexLock lock(mutex_);
    base::Failpoint("journal.before_cut");
    PLUMBAGO_RETURN_IF_ERROR(writer_->RemoveBefore(oldest));
    point_counts_.erase(point_counts_.begin(), point_counts_.lower_bound(oldest));
  }
  room_.NotifyAll();
  return absl::OkStatus();
}

}  // namespace plumbago::cache

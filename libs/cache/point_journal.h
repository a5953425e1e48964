// The journal of a cache: every batch is in it before it is acknowledged, and in the cache's memory
// in the same order, so that a replay ends with the same points.
//
// Thread-safe; many streams append, one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cache/point_cache.h"
#include "journal/writer.h"

namespace plumbago::cache {

struct JournalOptions {
  journal::WriterOptions writer = {};
  // Relays wait above it. It has to hold what comes between two checkpoints of the store.
  uint64_t bytes_max = uint64_t{4} << 30;
  // A segment is ended at this age, so that little is replayed after a quiet time.
  absl::Duration segment_age_max = absl::Minutes(1);
};

class PointJournal {
 public:
  // Goes on after what a replay has found, which were `replayed_count` points. `cache` and the
  // other arguments must outlive the journal.
  static absl::StatusOr<std::unique_ptr<PointJournal>> Open(
      base::FileSystem& file_system, base::Clock& clock, const JournalOptions& options,
      const journal::ReadResult& found, PointCache& cache, uint64_t replayed_count = 0);

  // n points in columns of n entries, series[i] a held reference: journal first, then memory.
  // `received_unix_ms` is when they arrived at the relay; 0: not known. Returns when they are as
  // durable as the policy says. ResourceExhausted: the disk is full; nothing was taken.
  absl::Status Append(absl::Span<const SeriesReference> series,
                      absl::Span<const uint32_t> time_seconds, absl::Span<const double> values,
                      int64_t received_unix_ms = 0);

  // Blocks while memory or journal are at their bounds, until there is room or Stop(). False after
  // Stop().
  bool WaitForRoom();
  // The same, but waits for memory no longer than `memory_timeout`.
  MemoryBudget::Room WaitForRoom(absl::Duration memory_timeout);
  void Stop();

  // What comes has a segment of its own: the present one can be cut as well.
  absl::Status EndSegment();

  // Removes the segments before the oldest one with a point that the store has not synced, which
  // `oldest_needed` tells; it is asked once, and points that come meanwhile are safe. One call at a
  // time.
  absl::Status Cut(absl::FunctionRef<uint32_t()> oldest_needed);

  uint64_t total_bytes() const { return writer_->total_bytes(); }

  // Points in all segments. Those that were replayed at the start count until the last segment of
  // that time is cut.
  uint64_t point_count();

 private:
  PointJournal(const JournalOptions& options, base::Clock& clock, PointCache& cache)
      : options_(options), clock_(clock), cache_(cache) {}
  bool WaitForDisk();
  void CountScratch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status NameSeries(absl::Span<const SeriesReference> series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const JournalOptions options_;
  base::Clock& clock_;
  PointCache& cache_;
  std::unique_ptr<journal::Writer> writer_;  // Append, Roll and RemoveBefore under mutex_

  base::Mutex mutex_;
  base::CondVar room_;
  uint32_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;  // in the present segment
  uint64_t numbered_segment_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration segment_began_ ABSL_GUARDED_BY(mutex_);   // monotonic, at its first record
  std::vector<uint32_t> numbers_ ABSL_GUARDED_BY(mutex_);  // scratch of Append
  std::string record_ ABSL_GUARDED_BY(mutex_);
  size_t scratch_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of these, as counted for the memory
  std::map<uint64_t, uint64_t> point_counts_ ABSL_GUARDED_BY(mutex_);  // by segment
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::cache

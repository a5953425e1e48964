// One of the threads that bring what a journal holds into the memory of a cache. Each has the
// series of some of the cache's partitions, and takes names and points in the order of the journal:
// so the order within a series is kept, and no two threads want one lock.
//
// The reader of the journal fills pieces and gives them to the worker; there are kPieces of them,
// made once and counted for the bound on memory, so that a reader that is ahead has to wait.
// Reader's functions are for one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "cache/cache_metrics.h"
#include "cache/point_cache.h"
#include "journal/point_records.h"

namespace plumbago::cache {

// Names and points of one segment, in the order in which they are used: names first.
struct ReplayPiece {
  // Points up to `end` arrived at the relay at this time; 0: not known.
  struct Run {
    int64_t received_unix_ms = 0;
    size_t end = 0;
  };

  // Reserves the memory of all of it, once.
  explicit ReplayPiece(size_t points_max);
  void Clear();
  bool is_full() const;
  // The points since the last run arrived at that time.
  void EndRun(int64_t received_unix_ms);
  size_t memory_bytes() const;  // as the allocator counts

  const size_t points_max;
  bool is_first_of_segment = false;  // the names before it are forgotten
  uint32_t segment = 0;
  std::string series;  // payload of a series record; numbers count the worker's own, from 0
  std::vector<uint32_t> numbers;
  std::vector<uint32_t> time_seconds;
  std::vector<double> values;
  std::vector<Run> runs;
};

class ReplayWorker {
 public:
  static constexpr size_t kPieces = 4;

  // So much memory each worker takes for each point of a piece: a bit more than it counts.
  static constexpr size_t kBytesPerPoint = 128;

  // Pieces have room for `points_max` points. `cache` and `metrics` must outlive the worker.
  ReplayWorker(PointCache& cache, CacheMetrics& metrics, size_t points_max);
  ~ReplayWorker();  // what has not been taken into memory by then is left out

  // An empty piece to fill, or null where there is none within `timeout`.
  std::unique_ptr<ReplayPiece> TakeEmpty(absl::Duration timeout);
  void Put(std::unique_ptr<ReplayPiece> piece);
  // Whether everything that was put is in memory, within `timeout`.
  bool WaitUntilDone(absl::Duration timeout);

  // In memory. Any thread.
  uint64_t point_count() const { return point_count_.load(std::memory_order_relaxed); }
  // The cache was stopped: no more is taken. Any thread.
  bool is_cache_stopped() const { return is_cache_stopped_.load(std::memory_order_relaxed); }

 private:
  void Run();
  std::unique_ptr<ReplayPiece> Next();
  void Apply(const ReplayPiece& piece);
  bool WaitForRoom();
  void ForgetSeries();

  PointCache& cache_;
  CacheMetrics& metrics_;
  size_t counted_bytes_ = 0;

  // Relaxed: a look later is soon enough.
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_cache_stopped_{false};
  std::atomic<uint64_t> point_count_{0};

  // Of the worker's thread.
  std::vector<SeriesReference> dictionary_;  // by the worker's number
  std::vector<journal::NumberedSeries> names_;
  std::vector<SeriesReference> references_;

  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::unique_ptr<ReplayPiece>> full_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<ReplayPiece>> empty_ ABSL_GUARDED_BY(mutex_);
  bool is_busy_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses the others
};

}  // namespace plumbago::cache

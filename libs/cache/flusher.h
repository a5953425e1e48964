// The thread that takes points from the cache to the store.
//
// Keeps at most `batches_in_flight_max` batches under way; while the store does not answer, points
// stay in the cache. While there are none it sleeps until one comes. Start, Drain and Stop belong
// to one owner.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cache/flush_batch.h"
#include "cache/point_cache.h"

namespace plumbago::cache {

// Takes batches to the store, in order, and reports each to PointCache::OnApplied and then to
// Flusher::OnBatchDone. Implemented over gRPC by services/cache.
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;
  // Never blocks.
  virtual void Send(std::unique_ptr<FlushBatch> batch) = 0;
};

struct FlusherOptions {
  size_t batches_in_flight_max = 4;
  absl::Duration interval = absl::Milliseconds(50);  // between looks at what is due
  // What the process has from its allocator; 0: not known.
  std::function<size_t()> process_bytes = [] { return size_t{0}; };
};

class Flusher {
 public:
  // All must outlive the flusher, which listens to the cache: nothing is appended after its end.
  Flusher(const FlusherOptions& options, PointCache& cache, StoreWriter& writer,
          base::Clock& clock);
  ~Flusher();  // Stop()

  void Start();

  // A batch that was sent is done. Any thread.
  void OnBatchDone();

  // Makes everything pending due and waits until the store has it. Returns the points that it does
  // not have at `deadline` (monotonic); 0 is a clean end. Nothing may be appended meanwhile.
  uint64_t Drain(absl::Duration deadline);

  void Stop();

 private:
  void Run();
  void OnFirstPoint();
  void UpdatePressure();
  bool IsAllocatorDue(absl::Duration now);
  bool SendOne();

  const FlusherOptions options_;
  PointCache& cache_;
  StoreWriter& writer_;
  base::Clock& clock_;
  std::thread thread_;

  // Of the thread; monotonic.
  absl::Duration next_pressure_update_;
  absl::Duration next_allocator_read_;
  size_t counted_bytes_then_ = 0;  // by the cache, at the last read

  base::Mutex mutex_;
  base::CondVar changed_;
  bool has_first_point_ ABSL_GUARDED_BY(mutex_) = false;  // since the last look
  size_t in_flight_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::cache

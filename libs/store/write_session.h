// One writer's stream of batches: its names, and how far it has been applied and made durable.
//
// Batches are applied by several threads and become visible to the sender in order: applied and
// durable are sequences up to which everything is done. A session lives as long as anyone holds it:
// the stream that feeds it, and the batches under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "store/series_name.h"
#include "whisper/updater.h"

namespace plumbago::store {

enum class RefusalReason {
  kInvalidName,
  kCorruptFile,
  kOutOfRetention,
  kWriteFailed,
  kReadOnly,
  kQuota
};

// A stable word for metrics and logs, such as "corrupt_file".
absl::string_view RefusalWord(RefusalReason reason);

struct RefusedSeries {
  uint32_t series_id = 0;
  RefusalReason reason = RefusalReason::kWriteFailed;
  size_t point_count = 0;  // not stored
  std::string message = "";
};

// A series of a session. `indexed_at` is owned by the thread that writes the series: how many
// series the index had removed when it was seen to have this one, and one more; 0: not seen.
struct SessionSeries : SeriesName {
  using SeriesName::SeriesName;
  uint64_t indexed_at = 0;
};

// Points of several series, those of a series together and in order of arrival.
struct WriteBatch {
  struct Entry {
    uint32_t series_id = 0;
    SessionSeries* series = nullptr;  // of the session
    size_t first_point = 0;
    size_t point_count = 0;
  };

  size_t byte_count() const {
    return entries.size() * sizeof(Entry) + points.size() * sizeof(whisper::Point);
  }

  uint64_t sequence = 0;          // 1, 2, 3, ... in a session
  bool wants_checkpoint = false;  // one is to follow when it has been applied
  std::vector<Entry> entries;
  std::vector<whisper::Point> points;

  // Threads that have not done their part yet. Released with what they did, acquired by the last.
  std::atomic<size_t> parts_left{0};
};

class WriteSession {
 public:
  // The ids of a session are below this: they index an array.
  static constexpr uint32_t kSeriesMax = 1 << 24;

  struct Progress {
    uint64_t applied_sequence = 0;
    uint64_t durable_sequence = 0;
    std::vector<RefusedSeries> refused;  // of the batches newly applied
  };

  explicit WriteSession(size_t bytes_max) : bytes_max_(bytes_max) {}

  // `listener` is called after progress, on any thread, without locks. Set it before the first
  // batch.
  void SetListener(std::function<void()> listener) { listener_ = std::move(listener); }

  // Define and FindSeries are for the one thread at a time that reads the stream. InvalidArgument:
  // the id is taken or not below kSeriesMax. Whether the name is possible is found out at a write.
  absl::Status Define(uint32_t series_id, absl::string_view tenant, absl::string_view metric);
  SessionSeries* FindSeries(uint32_t series_id) const;

  // What is new since the last call: false where nothing is.
  bool TakeProgress(Progress* progress);
  // Whether so much is under way that the sender should wait.
  bool is_full() const;
  // Whether everything accepted is applied.
  bool is_idle() const;

  // The rest is for Store. Accept: InvalidArgument where the sequence is not the next one.
  absl::Status Accept(std::shared_ptr<WriteBatch> batch);
  // `batch` is accepted and not complete; it is told with the batch.
  void AddRefused(const WriteBatch& batch, RefusedSeries refused);
  void Complete(const WriteBatch& batch);
  uint64_t applied_sequence() const;
  void MarkDurable(uint64_t sequence);

 private:
  struct InFlight {
    std::shared_ptr<WriteBatch> batch;
    bool is_complete = false;
    std::vector<RefusedSeries> refused = {};
  };

  const size_t bytes_max_;
  std::function<void()> listener_;  // const after SetListener

  // Owned by the thread that reads the stream; the names themselves never change.
  std::vector<std::unique_ptr<SessionSeries>> series_;

  mutable base::Mutex mutex_;
  InFlight& FindInFlight(const WriteBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::deque<InFlight> in_flight_ ABSL_GUARDED_BY(mutex_);  // consecutive sequences
  size_t in_flight_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t accepted_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  bool has_progress_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::store

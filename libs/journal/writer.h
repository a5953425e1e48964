// Appends records to a journal and removes segments that are no longer needed.
//
// A record that Append has returned for survives the process; how soon it survives the machine is
// the sync policy's matter. Append, Roll and RemoveBefore are for one thread at a time, which owns
// the order of the records; the others are thread-safe. A sync that fails ends the process through
// `on_sync_failure`: what had been written may be lost, and to go on would acknowledge it.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "journal/reader.h"

namespace plumbago::journal {

enum class SyncPolicy {
  kBatch,     // WaitUntilDurable returns when the record is on the disk; many share one sync
  kInterval,  // a thread syncs every `sync_interval`; WaitUntilDurable returns at once
  kNever,     // the kernel decides
};

struct WriterOptions {
  std::string directory = "";
  uint64_t segment_bytes_max = uint64_t{64} << 20;  // a segment is full from then on
  SyncPolicy sync = SyncPolicy::kInterval;
  absl::Duration sync_interval = absl::Seconds(1);
  // Ends the process unless a test replaces it.
  std::function<void(const absl::Status&)> on_sync_failure = nullptr;
};

// A place in the journal: everything up to it.
struct Position {
  uint64_t segment = 0;
  uint64_t end_bytes = 0;
  auto operator<=>(const Position&) const = default;
};

// kRecordHeaderBytes of room, to append a payload to.
std::string NewRecord();
// Makes a record of a string that may have been one before, whose memory it keeps.
void BeginRecord(std::string& record);

class Writer {
 public:
  // Goes on after what ReadJournal has found, in a segment of its own. Makes the directory.
  // `file_system` and `clock` must outlive the writer.
  static absl::StatusOr<std::unique_ptr<Writer>> Open(base::FileSystem& file_system,
                                                      base::Clock& clock,
                                                      const WriterOptions& options,
                                                      const ReadResult& found);
  ~Writer();  // syncs, unless the policy is kNever

  // `record` is a NewRecord() and its payload; it is sealed in place. `type` is not 0.
  // ResourceExhausted: the disk is full; nothing was appended, and a later call may work.
  absl::StatusOr<Position> Append(uint32_t type, std::string& record);

  // By the policy. Blocks.
  void WaitUntilDurable(const Position& position);

  // Ends the present segment, unless it is empty: what comes has a higher number.
  absl::Status Roll();

  // Whether it is time for a Roll(). What belongs together in one segment is the caller's matter.
  bool is_segment_full() const { return end_bytes_ >= options_.segment_bytes_max; }
  // The number of the present segment.
  uint64_t segment() const { return segment_; }

  // Removes the segments below `segment`, the oldest first.
  absl::Status RemoveBefore(uint64_t segment);

  // Of all segments. Thread-safe.
  uint64_t total_bytes() const { return total_bytes_.load(); }

 private:
  struct Segment {
    uint64_t number = 0;
    uint64_t byte_count = 0;
  };

  Writer(base::FileSystem& file_system, base::Clock& clock, const WriterOptions& options);
  absl::Status AdoptSegments(const ReadResult& found);
  absl::Status BeginSegment(uint64_t segment, uint64_t previous_end_bytes);
  void SyncTo(const Position& position);
  void SyncPeriodically();
  std::string PathOf(uint64_t segment) const;

  base::FileSystem& file_system_;
  base::Clock& clock_;
  const WriterOptions options_;
  std::thread sync_thread_;

  // Owned by the appending thread.
  uint64_t segment_ = 0;
  uint64_t end_bytes_ = 0;
  std::deque<Segment> segments_;  // the present one last

  std::atomic<uint64_t> total_bytes_{0};

  base::Mutex mutex_;
  base::CondVar changed_;
  // Shared with a sync that is under way.
  std::shared_ptr<base::File> file_ ABSL_GUARDED_BY(mutex_);
  Position written_ ABSL_GUARDED_BY(mutex_);
  Position synced_ ABSL_GUARDED_BY(mutex_);
  bool is_syncing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::journal

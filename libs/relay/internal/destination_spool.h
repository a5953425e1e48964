// One destination's spool within a Spooler: what lanes hand over, the files, and the replay.
// Internal.
//
// The functions of BatchSpool are thread-safe; the others belong to the spooler's thread.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "relay/batch_spool.h"
#include "relay/change_throttle.h"
#include "relay/spool_destination.h"
#include "relay/spool_metrics.h"
#include "relay/spool_replay.h"

namespace plumbago::relay {

// What all spools of a spooler share.
struct SpoolShared {
  explicit SpoolShared(base::Gauge& held) : points_held(held) {}

  base::Gauge& points_held;  // in memory
  size_t queue_bytes_max = 0;
  std::atomic<size_t> queued_bytes{0};
  std::atomic<bool> is_disk_low{false};
  base::Mutex wake_mutex;
  base::CondVar wake_changed;
  bool is_woken ABSL_GUARDED_BY(wake_mutex) = false;

  void Wake();
};

// How the replay reaches a destination.
struct SpoolWay {
  std::string address = "";  // another one needs another stream
  bool is_open = true;       // false: nothing may be sent for now
  std::function<std::unique_ptr<BatchStream>()> make_stream = {};
};

class DestinationSpool final : public BatchSpool {
 public:
  // All of them must outlive the spool.
  DestinationSpool(SpoolDestination destination, const SpoolFilesOptions& files,
                   const ReplayOptions& replay, SpoolShared& shared, base::FileSystem& file_system,
                   base::Clock& clock, base::Metrics& registry, base::Counter& points_damaged);

  SpoolDestination::Kind kind() const { return destination_.kind(); }

  bool is_down() const override { return is_down_.load(std::memory_order_relaxed); }
  void ReportDown(absl::string_view why) override;
  void ReportUp() override { is_down_.store(false); }
  void AddSlowLanes(int by) override;
  bool HasRoom(size_t bytes) const override;
  bool Append(std::unique_ptr<Batch>& batch, Bounds bounds) override;

  // Null, and noted, where the directory cannot be used for now.
  SpoolFiles* files();
  bool has_files() const { return files_ != nullptr; }

  // Writes what was handed over. With kRetry also what could not be written a moment ago.
  enum class Retry { kLater, kNow };
  void Write(Retry retry);

  // Goes on with the replay by `routing`. True where there is more to do at once. An error is one
  // of a sync.
  absl::StatusOr<bool> Replay(SpoolRouting& routing);
  // The slot map or the configuration has changed. Without a way the spool of a shard goes to the
  // spools of others, that of an endpoint waits.
  void SetWay(std::optional<SpoolWay> way);

  // A further stream to the destination; null where it has no way, or nothing may be sent.
  std::unique_ptr<BatchStream> MakeStream();

  // Senders who wait for what was written are told.
  absl::Status Sync();
  // Whether somebody waits for that.
  bool is_sync_awaited() const { return !unsynced_deliveries_.empty(); }
  bool is_empty() const { return pending_.empty() && !has_segments(); }
  // Brings metrics and log up to date.
  void Publish();

 private:
  bool has_segments() const { return files_ != nullptr && files_->segment_count() > 0; }
  void Refuse(const absl::Status& status);
  SpoolReplay::Mode mode() const;
  SpoolState state() const;
  void PublishReplay();
  void LogState();
  void LogRefusal();

  const SpoolDestination destination_;
  const SpoolFilesOptions files_options_;
  const ReplayOptions replay_options_;
  SpoolShared& shared_;
  base::FileSystem& file_system_;
  base::Clock& clock_;
  SpoolMetrics metrics_;
  base::Counter& points_damaged_;

  std::atomic<bool> is_down_{false};
  std::atomic<int> slow_lane_count_{0};
  std::atomic<bool> is_refusing_{false};  // the last attempt to write failed
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<uint64_t> disk_bytes_{0};

  base::Mutex mutex_;
  std::deque<std::unique_ptr<Batch>> queue_ ABSL_GUARDED_BY(mutex_);
  std::string why_down_ ABSL_GUARDED_BY(mutex_);

  // Owned by the thread.
  std::deque<std::unique_ptr<Batch>> pending_;                  // taken from queue_, to be written
  std::vector<std::shared_ptr<Delivery>> unsynced_deliveries_;  // of written batches
  std::unique_ptr<SpoolFiles> files_;
  absl::Duration retry_at_;          // monotonic
  uint64_t bytes_when_refused_ = 0;  // of the files
  std::optional<SpoolWay> way_;
  bool is_stream_wanted_ = false;  // the replay has to be given one, or its absence
  std::unique_ptr<SpoolReplay> replay_;
  SpoolReplay::Totals published_;
  double replay_points_held_ = 0;  // what the replay last had to do with the points held
  uint64_t published_damaged_count_ = 0;
  uint64_t acknowledged_count_ = 0;  // of the replay's stream, when last looked at
  SpoolState state_ = SpoolState::kUp;
  std::string refusal_;  // why the last attempt to write failed
  ChangeThrottle state_lines_{static_cast<int>(SpoolState::kUp)};
  ChangeThrottle refusal_lines_{0};
};

}  // namespace plumbago::relay

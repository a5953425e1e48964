// The store: points of many writers into whisper files, and the files' values to queries.
//
// Thread-safe. Start() begins to accept; Drain() applies what was accepted, syncs and refuses
// writes from then on, while fetches still work. A sync of the disk that fails ends the process:
// what had been written may be lost, and to go on would acknowledge it (docs/formats/whisper.md).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "index/series_index.h"
#include "store/disk_guard.h"
#include "store/quotas.h"
#include "store/series_files.h"
#include "store/series_writer.h"
#include "store/storage_policies.h"
#include "store/store_metrics.h"
#include "store/tree_scan.h"
#include "store/write_session.h"
#include "whisper/file.h"

namespace plumbago::store {

struct StoreOptions {
  std::string directory;  // of the whisper files; holds a directory for each tenant
  size_t writer_threads = 2;
  // More cost memory, about 1 KiB each in the kernel and 0.5 KiB here.
  size_t open_files_max = 500'000;
  size_t session_bytes_max = 32 << 20;  // accepted and not applied, for each stream
  absl::Duration checkpoint_interval = absl::Seconds(30);
  absl::Duration rescan_interval = absl::Minutes(5);
  uint64_t disk_free_bytes_min = 1 << 30;  // see DiskGuard
  // Ends the process unless a test replaces it.
  std::function<void(const absl::Status&)> on_sync_failure = nullptr;
};

// Everything must outlive the store.
struct StoreDependencies {
  base::Clock& clock;
  base::FileSystem& file_system;
  base::Metrics& metrics;
  index::SeriesIndex& index;
  const StoragePolicies& policies;
  Quotas& quotas;
};

struct FetchedSeries {
  whisper::Series series;
  whisper::AggregationMethod method = whisper::AggregationMethod::kAverage;
  float x_files_factor = 0;
  uint32_t finest_step = 0;  // of the first archive; series.step is that of the archive read
};

// Whether a scan opens each file that it looks at, too.
enum class ScanDepth { kNames, kHeaders };

class Store {
 public:
  Store(const StoreDependencies& dependencies, StoreOptions options);
  ~Store();  // Drain

  // Makes the directory, starts the writers and the checkpoints.
  absl::Status Start();
  // After Start: scans the tree now and at each interval, in the background.
  void StartScans();

  std::shared_ptr<WriteSession> OpenSession();

  // Queues `batch` for the writers. Does not block: the caller stops reading its stream while
  // session->is_full(). InvalidArgument: not the next sequence. Unavailable: draining.
  // ResourceExhausted: CheckWritable, where it has points.
  absl::Status Submit(const std::shared_ptr<WriteSession>& session,
                      std::shared_ptr<WriteBatch> batch);

  // By whisper's rules. NotFound: no such series; InvalidArgument: no possible one, or
  // from > until; DataLoss: its file is damaged. A range.now of 0 means the store's clock.
  absl::StatusOr<FetchedSeries> Fetch(const SeriesName& name, whisper::FetchRange range);

  // Writes `method` into the file of the series and returns the one before. The policy stays as it
  // is, and so do points that were aggregated before. Errors of SeriesFiles::OpenForUpdate and
  // RunExclusive; FailedPrecondition: a compressed file.
  absl::StatusOr<whisper::AggregationMethod> SetAggregationMethod(
      const SeriesName& name, whisper::AggregationMethod method);

  // What its file is like. Errors as of Fetch.
  absl::StatusOr<whisper::Header> Describe(const SeriesName& name);

  // Runs `work` on the thread that writes the series, between two batches, and waits for its end:
  // nothing else writes or creates the file meanwhile. The open file is forgotten before and after,
  // so `work` may rename, replace or remove it; a fetch under way ends on the file that it has.
  // Not from `work` itself. Unavailable: draining; else what `work` returns.
  absl::Status RunExclusive(const SeriesName& name, absl::FunctionRef<absl::Status()> work);
  // Runs `work` on the caller's thread while no series is written, and waits for its end. Batches
  // queue up meanwhile, and their senders wait. Not from `work` itself. Errors as above.
  absl::Status RunPaused(absl::FunctionRef<absl::Status()> work);

  // ResourceExhausted while the disk is nearly full; senders keep their points and come again.
  absl::Status CheckWritable() const { return disk_guard_.CheckWritable(); }

  // Syncs the file system and tells the sessions. The threads call these at their intervals.
  void Checkpoint();
  // Lets the thread call Checkpoint() now: requests that come meanwhile share the next one.
  void RequestCheckpoint();
  void CheckDisk() { disk_guard_.Check(); }
  // Looks at every file of the tree; those in the background mostly at what has changed.
  absl::StatusOr<ScanResult> Rescan();

  void Drain();

  // For use in RunExclusive and RunPaused.
  SeriesFiles& files() { return files_; }
  const index::SeriesIndex& index() const { return dependencies_.index; }
  const std::string& directory() const { return options_.directory; }

 private:
  class ScanEffects;

  // `seen`: null, or after its Begin().
  absl::StatusOr<ScanResult> Scan(ScanDepth depth, SeenDirectories* seen);
  // Runs `work` after each interval, and as soon as `*is_wanted`, which is reset before it; until
  // the drain. What `is_wanted` points at is guarded by mutex_.
  void RunPeriodically(absl::Duration interval, const std::function<void()>& work,
                       bool* is_wanted = nullptr);
  // A series that was found by its exact name, and is not in the index.
  absl::Status AddFound(const SeriesName& name, uint64_t file_bytes);
  std::vector<std::shared_ptr<WriteSession>> LiveSessions();
  bool is_draining() const;

  const StoreDependencies dependencies_;
  const StoreOptions options_;
  const int64_t start_unix_seconds_;
  StoreMetrics metrics_;
  DiskGuard disk_guard_;
  SeriesFiles files_;
  std::vector<std::unique_ptr<SeriesWriter>> writers_;
  std::thread checkpoint_thread_;
  std::thread scan_thread_;
  std::thread disk_thread_;
  std::atomic<uint64_t> rescan_count_{0};

  base::Mutex pause_mutex_;  // held for as long as the writers are paused; before mutex_

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = true;  // until Start
  bool is_checkpoint_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<WriteSession>> sessions_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<base::Metrics::ScrapeHook> gauges_;  // last: it reads the others
};

}  // namespace plumbago::store

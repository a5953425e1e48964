// One thread that applies its share of every batch: the series whose hash falls to it. So a series
// is written by one thread only, in the order of the batches of its stream.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "index/series_index.h"
#include "store/disk_guard.h"
#include "store/quotas.h"
#include "store/series_files.h"
#include "store/storage_policies.h"
#include "store/store_metrics.h"
#include "store/write_session.h"
#include "whisper/updater.h"

namespace plumbago::store {

class SeriesWriter {
 public:
  struct Context {
    base::Clock& clock;
    SeriesFiles& files;
    index::SeriesIndex& index;
    const StoragePolicies& policies;
    Quotas& quotas;
    StoreMetrics& metrics;
    DiskGuard& disk_guard;
    std::function<void()> request_checkpoint;  // never blocks
  };

  // Writer `part` of `part_count`.
  SeriesWriter(const Context& context, size_t part, size_t part_count);
  ~SeriesWriter();  // Stop

  void Start();
  // Applies what is queued, then ends the thread.
  void Stop();

  // What is queued is bounded by the sessions, which see to it that their senders wait.
  void Enqueue(std::shared_ptr<WriteSession> session, std::shared_ptr<WriteBatch> batch);

  // Runs `task` on this thread, between two batches. Whoever enqueues tasks bounds them: Store lets
  // each caller wait for its own.
  void Enqueue(std::function<void()> task);

  // Whether the series of this hash are this thread's.
  bool Owns(const SeriesName& series) const { return (series.hash() >> 32) % part_count_ == part_; }

 private:
  struct Job {
    std::shared_ptr<WriteSession> session;
    std::shared_ptr<WriteBatch> batch;
    std::function<void()> task = nullptr;  // instead of a batch
  };

  void Run();
  bool Next(Job* job);
  void Apply(const Job& job);
  void ApplySeries(const Job& job, const WriteBatch::Entry& entry, int64_t now);
  // Opens the series of `entry`, or creates it with `fill` if its quotas allow. Without a file
  // where it was refused.
  SeriesFiles::Result OpenOrCreate(const Job& job, const WriteBatch::Entry& entry, int64_t now,
                                   SeriesFiles::Fill fill);
  bool IsIndexed(SessionSeries* series);
  void Refuse(const Job& job, const WriteBatch::Entry& entry, RefusalReason reason,
              size_t point_count, absl::string_view message);
  void RefuseAll(const Job& job, const WriteBatch::Entry& entry, const absl::Status& status);
  void IndexNewSeries();

  Context context_;
  const size_t part_;
  const size_t part_count_;
  std::thread thread_;

  // Owned by the thread.
  whisper::Updater updater_;
  std::shared_ptr<const PolicySet> policies_;  // of this batch; shared with StoragePolicies
  Quotas::Reservations reservations_;          // for new_series_
  std::map<std::string, std::vector<index::SeriesEntry>> new_series_;  // by tenant
  size_t points_stored_ = 0;
  size_t series_created_ = 0;
  size_t series_updated_ = 0;

  base::Mutex mutex_;
  base::CondVar has_work_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::store

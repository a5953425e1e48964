// Jobs of operators that change many series: run one at a time, in the order of their start, on a
// thread of their own; watched and cancelled by id.
//
// Thread-safe. Jobs that wait are bounded, and so are those that are kept after their end and the
// items of each. Nothing is kept over a restart. Drain cancels what runs and what waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "plumbago/v1/store_admin.pb.h"

namespace plumbago::store {

class JobRunner;

// What a running job tells of itself; for its own thread or others that it uses.
class JobProgress {
 public:
  void SetTotal(uint64_t series_count);
  void AddDone(uint64_t series_count = 1);
  void AddSkipped(uint64_t series_count = 1);
  void AddFailed(uint64_t series_count = 1);
  void AddBytes(uint64_t byte_count);
  // A line for people. The first JobRunner::kItemsMax are kept, all are counted.
  void AddItem(std::string line);

  // Ask between two series. CheckCancelled: Cancelled, which the job returns.
  bool is_cancelled() const { return is_cancelled_.load(std::memory_order_relaxed); }
  absl::Status CheckCancelled() const;

 private:
  friend class JobRunner;
  JobProgress(JobRunner& runner, v1::Job job) : runner_(runner), job_(std::move(job)) {}

  template <typename Change>
  void Update(Change change);

  JobRunner& runner_;
  std::atomic<bool> is_cancelled_{false};  // a flag alone: no order with anything else
  // Guarded by runner_.mutex_.
  v1::Job job_;
  uint64_t version_ = 1;      // grows when watchers are to be told
  absl::Duration told_at_{};  // monotonic
};

class JobRunner {
 public:
  static constexpr size_t kWaitingMax = 64;
  static constexpr size_t kEndedMax = 100;
  static constexpr int kItemsMax = 1000;

  // What a job does. OK: it succeeded, even where single series failed (AddFailed). Cancelled: it
  // stopped because it was asked to.
  using Work = std::function<absl::Status(JobProgress&)>;

  struct Options {
    // Run between jobs, and after each interval without one: never beside a job.
    std::function<void()> housekeeping = nullptr;
    absl::Duration housekeeping_interval = absl::Minutes(10);
  };
  struct Description {
    std::string tenant;
    std::string text;  // such as "delete servers.old.**"
    bool is_dry_run = false;
  };

  // What a request for a job becomes once it has been checked.
  struct Planned {
    Description description;
    Work work;
  };

  // `clock` must outlive this.
  JobRunner(base::Clock& clock, Options options);
  ~JobRunner();  // Drain

  void Start();
  // Cancels all jobs and waits for the running one to end. Watches end.
  void Drain();

  // ResourceExhausted: kWaitingMax jobs wait. Unavailable: not started, or draining.
  absl::StatusOr<v1::Job> Submit(Description description, Work work);

  // Newest first, without items.
  std::vector<v1::Job> List() const;
  // FailedPrecondition: it has ended. NotFound: no such job, or one that ended long ago.
  absl::StatusOr<v1::Job> Cancel(uint64_t id);

  struct Watched {
    v1::Job job;  // with its items once it has ended, without them before
    uint64_t version = 0;
    bool has_ended = false;
  };
  // Waits until the job has moved on from `version` (0: returns at once), at most `timeout`; then
  // the version may be the same. NotFound as above.
  absl::StatusOr<Watched> Await(uint64_t id, uint64_t version, absl::Duration timeout) const;

 private:
  friend class JobProgress;

  struct Entry {
    std::shared_ptr<JobProgress> progress;  // shared with the thread that runs it
    Work work;                              // empty once it runs
  };

  void Run();
  // Null: housekeeping is due. False: drain.
  bool Next(std::shared_ptr<JobProgress>* progress, Work* work);
  void End(JobProgress& progress, const absl::Status& status);
  void SetEnded(JobProgress& progress, v1::Job::State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Entry* Find(uint64_t id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Clock& clock_;
  const Options options_;
  std::thread thread_;

  mutable base::Mutex mutex_;
  mutable base::CondVar has_work_;
  mutable base::CondVar has_progress_;
  std::deque<Entry> jobs_ ABSL_GUARDED_BY(mutex_);  // by id, ascending
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = true;  // until Start
};

}  // namespace plumbago::store

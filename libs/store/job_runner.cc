#include "store/job_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace plumbago::store {
namespace {

// Watchers are told of progress at most this often.
constexpr absl::Duration kTellInterval = absl::Milliseconds(250);

bool HasEnded(const v1::Job& job) {
  return job.state() != v1::Job::WAITING && job.state() != v1::Job::RUNNING;
}

v1::Job WithoutItems(const v1::Job& job) {
  v1::Job copy = job;
  copy.clear_item();
  return copy;
}

}  // namespace

template <typename Change>
void JobProgress::Update(Change change) {
  {
    base::MutexLock lock(runner_.mutex_);
    change(job_);
    const absl::Duration now = runner_.clock_.Monotonic();
    if (now - told_at_ < kTellInterval) return;
    told_at_ = now;
    ++version_;
  }
  runner_.has_progress_.NotifyAll();
}

void JobProgress::SetTotal(uint64_t series_count) {
  Update([&](v1::Job& job) { job.set_total_count(series_count); });
}
void JobProgress::AddDone(uint64_t series_count) {
  Update([&](v1::Job& job) { job.set_done_count(job.done_count() + series_count); });
}
void JobProgress::AddSkipped(uint64_t series_count) {
  Update([&](v1::Job& job) { job.set_skipped_count(job.skipped_count() + series_count); });
}
void JobProgress::AddFailed(uint64_t series_count) {
  Update([&](v1::Job& job) { job.set_failed_count(job.failed_count() + series_count); });
}
void JobProgress::AddBytes(uint64_t byte_count) {
  Update([&](v1::Job& job) { job.set_byte_count(job.byte_count() + byte_count); });
}
void JobProgress::AddItem(std::string line) {
  Update([&](v1::Job& job) {
    if (job.item_size() < JobRunner::kItemsMax) job.add_item(std::move(line));
    job.set_item_count(job.item_count() + 1);
  });
}

absl::Status JobProgress::CheckCancelled() const {
  return is_cancelled() ? absl::CancelledError("cancelled") : absl::OkStatus();
}

JobRunner::JobRunner(base::Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)) {}

JobRunner::~JobRunner() { Drain(); }

void JobRunner::Start() {
  {
    base::MutexLock lock(mutex_);
    is_draining_ = false;
  }
  thread_ = std::thread([this] { Run(); });
}

void JobRunner::Drain() {
  {
    base::MutexLock lock(mutex_);
    if (is_draining_) return;
    is_draining_ = true;
    for (Entry& entry : jobs_) {
      entry.progress->is_cancelled_.store(true, std::memory_order_relaxed);
      if (entry.progress->job_.state() == v1::Job::WAITING) {
        SetEnded(*entry.progress, v1::Job::CANCELLED);
      }
    }
  }
  has_work_.NotifyAll();
  thread_.join();
  has_progress_.NotifyAll();
}

absl::StatusOr<v1::Job> JobRunner::Submit(Description description, Work work) {
  v1::Job job;
  {
    base::MutexLock lock(mutex_);
    if (is_draining_) return absl::UnavailableError("the store is starting or draining");
    const auto waiting_count = std::count_if(jobs_.begin(), jobs_.end(), [](const Entry& entry) {
      return static_cast<bool>(entry.work);
    });
    if (static_cast<size_t>(waiting_count) >= kWaitingMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat(waiting_count,
                       " jobs wait already, the most there can be; wait for their "
                       "end or cancel some"));
    }
    job.set_id(next_id_++);
    job.set_tenant(std::move(description.tenant));
    job.set_description(std::move(description.text));
    job.set_dry_run(description.is_dry_run);
    job.set_state(v1::Job::WAITING);
    jobs_.push_back({.progress = std::shared_ptr<JobProgress>(new JobProgress(*this, job)),
                     .work = std::move(work)});
    ForgetOldest();
  }
  has_work_.NotifyAll();
  return job;
}

std::vector<v1::Job> JobRunner::List() const {
  std::vector<v1::Job> jobs;
  base::MutexLock lock(mutex_);
  for (auto entry = jobs_.rbegin(); entry != jobs_.rend(); ++entry) {
    jobs.push_back(WithoutItems(entry->progress->job_));
  }
  return jobs;
}

absl::StatusOr<v1::Job> JobRunner::Cancel(uint64_t id) {
  v1::Job job;
  {
    base::MutexLock lock(mutex_);
    const Entry* entry = Find(id);
    if (entry == nullptr) return absl::NotFoundError(absl::StrCat("there is no job ", id));
    JobProgress& progress = *entry->progress;
    if (HasEnded(progress.job_)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "job ", id, " has ended already: ", v1::Job::State_Name(progress.job_.state())));
    }
    progress.is_cancelled_.store(true, std::memory_order_relaxed);
    if (progress.job_.state() == v1::Job::WAITING) SetEnded(progress, v1::Job::CANCELLED);
    job = WithoutItems(progress.job_);
  }
  has_work_.NotifyAll();
  has_progress_.NotifyAll();
  return job;
}

absl::StatusOr<JobRunner::Watched> JobRunner::Await(uint64_t id, uint64_t version,
                                                    absl::Duration timeout) const {
  const absl::Duration deadline = clock_.Monotonic() + timeout;
  base::MutexLock lock(mutex_);
  for (;;) {
    const Entry* entry = Find(id);
    if (entry == nullptr) return absl::NotFoundError(absl::StrCat("there is no job ", id));
    const JobProgress& progress = *entry->progress;
    const absl::Duration left = deadline - clock_.Monotonic();
    if (progress.version_ > version || left <= absl::ZeroDuration()) {
      const bool has_ended = HasEnded(progress.job_);
      return Watched{.job = has_ended ? progress.job_ : WithoutItems(progress.job_),
                     .version = progress.version_,
                     .has_ended = has_ended};
    }
    has_progress_.WaitFor(lock, absl::ToInt64Nanoseconds(left));
  }
}

void JobRunner::Run() {
  std::shared_ptr<JobProgress> progress;
  Work work;
  while (Next(&progress, &work)) {
    if (progress == nullptr) {
      options_.housekeeping();
    } else {
      End(*progress, work(*progress));
    }
    progress.reset();
    work = nullptr;
  }
}

bool JobRunner::Next(std::shared_ptr<JobProgress>* progress, Work* work) {
  const absl::Duration due = clock_.Monotonic() + options_.housekeeping_interval;
  base::MutexLock lock(mutex_);
  while (!is_draining_) {
    const auto next = std::find_if(jobs_.begin(), jobs_.end(), [](const Entry& entry) {
      return entry.progress->job_.state() == v1::Job::WAITING;
    });
    if (next != jobs_.end()) {
      *progress = next->progress;
      *work = std::exchange(next->work, nullptr);
      (*progress)->job_.set_state(v1::Job::RUNNING);
      (*progress)->job_.set_started_unix_ms(absl::ToUnixMillis(clock_.Now()));
      ++(*progress)->version_;
      has_progress_.NotifyAll();
      return true;
    }
    const absl::Duration left = due - clock_.Monotonic();
    if (options_.housekeeping && left <= absl::ZeroDuration()) return true;
    has_work_.WaitFor(lock, absl::ToInt64Nanoseconds(
                                options_.housekeeping ? left : options_.housekeeping_interval));
  }
  return false;
}

void JobRunner::End(JobProgress& progress, const absl::Status& status) {
  std::string failure;
  {
    base::MutexLock lock(mutex_);
    v1::Job& job = progress.job_;
    if (!status.ok() && !absl::IsCancelled(status)) {
      job.set_error(std::string(status.message()));
      failure = absl::StrCat("job ", job.id(), " of tenant \"", job.tenant(), "\", ",
                             job.description(), ": ", job.error());
    }
    SetEnded(progress, status.ok()                 ? v1::Job::SUCCEEDED
                       : absl::IsCancelled(status) ? v1::Job::CANCELLED
                                                   : v1::Job::FAILED);
    ForgetOldest();
  }
  has_progress_.NotifyAll();
  if (!failure.empty()) base::LogError(failure);
}

void JobRunner::SetEnded(JobProgress& progress, v1::Job::State state) {
  progress.job_.set_state(state);
  progress.job_.set_ended_unix_ms(absl::ToUnixMillis(clock_.Now()));
  ++progress.version_;
  const auto entry = std::find_if(jobs_.begin(), jobs_.end(), [&](const Entry& candidate) {
    return candidate.progress.get() == &progress;
  });
  if (entry != jobs_.end()) entry->work = nullptr;
}

void JobRunner::ForgetOldest() {
  const auto has_ended = [](const Entry& entry) { return HasEnded(entry.progress->job_); };
  while (static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.end(), has_ended)) > kEndedMax) {
    jobs_.erase(std::find_if(jobs_.begin(), jobs_.end(), has_ended));
  }
}

const JobRunner::Entry* JobRunner::Find(uint64_t id) const {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [id](const Entry& entry) {
    return entry.progress->job_.id() == id;
  });
  return found == jobs_.end() ? nullptr : &*found;
}

}  // namespace plumbago::store

#include "job_runs.h"

#include <future>
#include <iostream>
#include <mutex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "progress.h"

namespace plumbago::ctl {
namespace {

uint64_t HandledCount(const v1::Job& job) {
  return job.done_count() + job.skipped_count() + job.failed_count();
}

std::string Summary(const std::vector<ShardJob>& jobs) {
  uint64_t handled = 0;
  uint64_t total = 0;
  uint64_t byte_count = 0;
  size_t running = 0;
  for (const ShardJob& one : jobs) {
    handled += HandledCount(one.job);
    total += one.job.total_count();
    byte_count += one.job.byte_count();
    if (one.job.ended_unix_ms() == 0) ++running;
  }
  return absl::StrCat(handled, " of ", total, " series (", FormatShare(handled, total), "), ",
                      FormatBytes(byte_count), ", on ", running, " stores still");
}

// The watches of several stores, a thread each, and the line that shows them together.
class Watches {
 public:
  explicit Watches(std::vector<ShardJob> jobs) : jobs_(std::move(jobs)) {}

  absl::Status Watch(const StoreTarget& target, size_t index) {
    v1::WatchJobRequest request;
    request.set_id(jobs_[index].job.id());
    return target.Read<v1::WatchJobRequest, v1::Job>(&v1::StoreAdmin::Stub::WatchJob, request,
                                                     [this, index](const v1::Job& job) {
                                                       std::lock_guard<std::mutex> lock(mutex_);
                                                       jobs_[index].job = job;
                                                       if (line_.IsDue())
                                                         line_.Show(Summary(jobs_));
                                                     });
  }

  std::vector<ShardJob> TakeJobs() { return std::move(jobs_); }

 private:
  std::mutex mutex_;
  std::vector<ShardJob> jobs_;
  ProgressLine line_;
};

}  // namespace

absl::StatusOr<std::vector<ShardJob>> RunJobs(const Stores& stores,
                                              const v1::StartJobRequest& request) {
  std::vector<ShardJob> started;
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_ASSIGN_OR_RETURN(v1::Job job, target.Call(&v1::StoreAdmin::Stub::StartJob, request));
    started.push_back({.shard = target.shard, .job = std::move(job)});
  }
  Watches watches(std::move(started));
  std::vector<std::future<absl::Status>> ends;
  for (size_t i = 0; i < stores.all().size(); ++i) {
    ends.push_back(
        std::async(std::launch::async, [&, i] { return watches.Watch(stores.all()[i], i); }));
  }
  absl::Status result;
  for (std::future<absl::Status>& end : ends) result.Update(end.get());
  if (!result.ok()) return result;
  return watches.TakeJobs();
}

absl::StatusOr<ShardJob> WatchJob(const StoreTarget& target, uint64_t id) {
  v1::Job wanted;
  wanted.set_id(id);
  Watches watches({{.shard = target.shard, .job = std::move(wanted)}});
  PLUMBAGO_RETURN_IF_ERROR(watches.Watch(target, 0));
  return watches.TakeJobs().front();
}

Table JobTable(const std::vector<ShardJob>& jobs) {
  Table table({"SHARD", "JOB", "TENANT", "WHAT", "STATE", "DONE", "SKIPPED", "FAILED", "BYTES",
               "STARTED", "ERROR"});
  for (const auto& [shard, job] : jobs) {
    const std::string state = absl::AsciiStrToLower(v1::Job::State_Name(job.state()));
    table.Add({shard, absl::StrCat(job.id()), job.tenant(), job.description(),
               job.dry_run() ? absl::StrCat(state, " (dry run)") : state,
               job.total_count() == 0 ? absl::StrCat(job.done_count())
                                      : absl::StrCat(job.done_count(), "/", job.total_count()),
               absl::StrCat(job.skipped_count()), absl::StrCat(job.failed_count()),
               FormatBytes(job.byte_count()), FormatUnixMs(job.started_unix_ms()), job.error()});
  }
  return table;
}

absl::Status PrintJobs(Session& session, const std::vector<ShardJob>& jobs) {
  if (session.output == "json") {
    std::vector<Session::Part> parts;
    for (const ShardJob& one : jobs) parts.push_back({one.shard, &one.job});
    PLUMBAGO_RETURN_IF_ERROR(session.PrintParts(parts));
  } else {
    for (const auto& [shard, job] : jobs) {
      for (const std::string& item : job.item()) std::cout << item << "\n";
      const uint64_t left = job.item_count() - static_cast<uint64_t>(job.item_size());
      if (left > 0) std::cout << "... and " << left << " more on shard " << shard << "\n";
    }
    std::cout << JobTable(jobs).Format();
  }
  for (const auto& [shard, job] : jobs) {
    if (job.state() != v1::Job::SUCCEEDED) {
      return absl::AbortedError(
          absl::StrCat("job ", job.id(), " of shard ", shard, " ended as ",
                       absl::AsciiStrToLower(v1::Job::State_Name(job.state())),
                       job.error().empty() ? "" : absl::StrCat(": ", job.error())));
    }
    if (job.failed_count() > 0) {
      return absl::AbortedError(absl::StrCat(job.failed_count(), " series of shard ", shard,
                                             " failed; the lines above say why"));
    }
  }
  return absl::OkStatus();
}

}  // namespace plumbago::ctl

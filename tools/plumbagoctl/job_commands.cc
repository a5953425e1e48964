// plumbagoctl jobs ...
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "job_runs.h"
#include "stores.h"

namespace plumbago::ctl {
namespace {

struct JobArguments {
  StoreFlags stores;
  uint64_t id = 0;
};

absl::Status List(Session& session, const JobArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  std::vector<ShardJob> jobs;
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto response,
                              target.Call(&v1::StoreAdmin::Stub::ListJobs, v1::ListJobsRequest()));
    for (const v1::Job& job : response.job()) jobs.push_back({.shard = target.shard, .job = job});
  }
  if (session.output != "json") {
    std::cout << JobTable(jobs).Format();
    return absl::OkStatus();
  }
  std::vector<Session::Part> parts;
  for (const ShardJob& one : jobs) {
    parts.push_back({absl::StrCat(one.shard, "/", one.job.id()), &one.job});
  }
  return session.PrintParts(parts);
}

absl::StatusOr<Stores> OpenOne(Session& session, const JobArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(Stores stores, Stores::Open(session, arguments.stores));
  if (stores.all().size() == 1) return stores;
  return absl::InvalidArgumentError(
      absl::StrCat("each of the ", stores.all().size(),
                   " stores numbers its own jobs; say which with --shard or --store"));
}

absl::Status Watch(Session& session, const JobArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, OpenOne(session, arguments));
  PLUMBAGO_ASSIGN_OR_RETURN(ShardJob job, WatchJob(stores.all().front(), arguments.id));
  return PrintJobs(session, {std::move(job)});
}

absl::Status Cancel(Session& session, const JobArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, OpenOne(session, arguments));
  v1::CancelJobRequest request;
  request.set_id(arguments.id);
  const StoreTarget& target = stores.all().front();
  PLUMBAGO_ASSIGN_OR_RETURN(v1::Job job, target.Call(&v1::StoreAdmin::Stub::CancelJob, request));
  return session.Print(job, JobTable({{.shard = target.shard, .job = job}}));
}

}  // namespace

void AddJobCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<JobArguments>();  // shared by the options and the actions
  const auto run_later = [&session, arguments](absl::Status (*run)(Session&, const JobArguments&)) {
    return [&session, arguments, run] {
      session.action = [&session, arguments, run] { return run(session, *arguments); };
    };
  };
  CLI::App& jobs = *app.add_subcommand("jobs", "Show, watch and cancel jobs of the stores");
  jobs.require_subcommand(1);
  jobs.footer(
      "Examples:\n"
      "  plumbagoctl jobs list\n"
      "  plumbagoctl jobs watch 3 --shard a\n"
      "  plumbagoctl jobs cancel 3 --shard a\n"
      "A job goes on when the command that started it is ended. Each store numbers its own.");
  CLI::App& list = *jobs.add_subcommand("list", "Show jobs that run, wait or have ended");
  AddShardFlags(list, arguments->stores);
  list.callback(run_later(List));

  CLI::App& watch = *jobs.add_subcommand("watch", "Follow a job to its end");
  watch.add_option("id", arguments->id, "Number of the job")->required();
  AddShardFlags(watch, arguments->stores);
  watch.callback(run_later(Watch));

  CLI::App& cancel = *jobs.add_subcommand("cancel", "End a job after the series it is at");
  cancel.add_option("id", arguments->id, "Number of the job")->required();
  AddShardFlags(cancel, arguments->stores);
  cancel.callback(run_later(Cancel));
}

}  // namespace plumbago::ctl

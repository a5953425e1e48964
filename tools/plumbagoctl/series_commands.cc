// plumbagoctl series ..., plumbagoctl du and plumbagoctl slot
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status.h"
#include "commands.h"
#include "job_runs.h"
#include "plumbago/v1/store.grpc.pb.h"
#include "progress.h"
#include "rpc/server.h"
#include "stores.h"
#include "topology/slot_map.h"

namespace plumbago::ctl {
namespace {

struct SeriesArguments {
  StoreFlags stores;
  std::string pattern;
  std::string to;
  std::string age;
  uint32_t depth = 1;
  uint32_t slot = 0;
  bool is_confirmed = false;
  bool is_dry_run = false;
};

// ---- jobs that change series ----

v1::StartJobRequest RequestFor(const SeriesArguments& arguments) {
  v1::StartJobRequest request;
  request.set_tenant(arguments.stores.tenant);
  return request;
}

absl::StatusOr<int64_t> TimeBefore(const std::string& age) {
  absl::Duration duration;
  std::string text = age;
  int64_t hours = 1;
  if (!text.empty() && text.back() == 'd') {  // absl knows no days
    text.back() = 'h';
    hours = 24;
  }
  if (!absl::ParseDuration(text, &duration) || duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", base::Excerpt(age), "\" is no time span; use 12h, 90d or the like"));
  }
  return base::SystemClock().UnixSeconds() - absl::ToInt64Seconds(duration * hours);
}

// Shows what would go, and does it only where that was confirmed.
absl::Status ShowThenRun(Session& session, const SeriesArguments& arguments,
                         v1::StartJobRequest request) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  request.set_dry_run(!arguments.is_confirmed);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto jobs, RunJobs(stores, request));
  const absl::Status status = PrintJobs(session, jobs);
  if (!status.ok() || arguments.is_confirmed) return status;
  uint64_t series_count = 0;
  uint64_t byte_count = 0;
  for (const ShardJob& one : jobs) {
    series_count += one.job.done_count();
    byte_count += one.job.byte_count();
  }
  std::cerr << "This was a dry run: " << series_count << " series with " << FormatBytes(byte_count)
            << " would go to the trash. Add --yes to do it.\n";
  return absl::OkStatus();
}

absl::Status Delete(Session& session, const SeriesArguments& arguments) {
  v1::StartJobRequest request = RequestFor(arguments);
  request.mutable_delete_series()->set_pattern(arguments.pattern);
  return ShowThenRun(session, arguments, std::move(request));
}

absl::Status Expire(Session& session, const SeriesArguments& arguments) {
  v1::StartJobRequest request = RequestFor(arguments);
  request.mutable_expire_series()->set_pattern(arguments.pattern);
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t before, TimeBefore(arguments.age));
  request.mutable_expire_series()->set_before_unix_seconds(before);
  return ShowThenRun(session, arguments, std::move(request));
}

// One store after the other, twice: where a slot has replicas, the others follow the preferred one.
absl::Status Move(Session& session, const SeriesArguments& arguments, bool is_copy) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::StartJobRequest request = RequestFor(arguments);
  request.set_dry_run(arguments.is_dry_run);
  request.mutable_move_series()->set_from(arguments.pattern);
  request.mutable_move_series()->set_to(arguments.to);
  request.mutable_move_series()->set_is_copy(is_copy);
  std::vector<ShardJob> jobs;
  const bool has_followers = !is_copy && !arguments.is_dry_run && stores.has_replicas();
  for (int round = 0; round < (has_followers ? 2 : 1); ++round) {
    jobs.clear();
    for (const StoreTarget& target : stores.all()) {
      if (target.shard != target.address) request.set_shard(target.shard);
      PLUMBAGO_ASSIGN_OR_RETURN(const v1::Job started,
                                target.Call(&v1::StoreAdmin::Stub::StartJob, request));
      PLUMBAGO_ASSIGN_OR_RETURN(jobs.emplace_back(), WatchJob(target, started.id()));
    }
    if (round == 0 && has_followers) PLUMBAGO_RETURN_IF_ERROR(PrintJobs(session, jobs));
  }
  return PrintJobs(session, jobs);
}

absl::Status Rename(Session& session, const SeriesArguments& arguments) {
  return Move(session, arguments, /*is_copy=*/false);
}
absl::Status Copy(Session& session, const SeriesArguments& arguments) {
  return Move(session, arguments, /*is_copy=*/true);
}

// ---- lists ----

struct Listed {
  uint64_t file_bytes = 0;
  uint32_t last_update_unix_seconds = 0;
};

absl::Status PrintUsage(Session& session, const std::map<std::string, Listed>& series) {
  v1::DiskUsageResponse all;
  Table table({"SERIES", "BYTES", "LAST UPDATE"});
  for (const auto& [metric, listed] : series) {
    auto& branch = *all.add_branch();
    branch.set_path(metric);
    branch.set_series_count(1);
    branch.set_file_bytes(listed.file_bytes);
    branch.set_last_update_unix_seconds(listed.last_update_unix_seconds);
    branch.set_is_leaf(true);
    table.Add({metric, absl::StrCat(listed.file_bytes),
               FormatUnixMs(int64_t{listed.last_update_unix_seconds} * 1000)});
  }
  return session.Print(all, table);
}

absl::Status Stale(Session& session, const SeriesArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::ListStaleRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_pattern(arguments.pattern);
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t before, TimeBefore(arguments.age));
  request.set_before_unix_seconds(before);
  std::map<std::string, Listed> series;  // of a series with replicas: the latest
  for (const StoreTarget& target : stores.all()) {
    const absl::Status status = target.Read<v1::ListStaleRequest, v1::SeriesUsage>(
        &v1::StoreAdmin::Stub::ListStale, request, [&](const v1::SeriesUsage& usage) {
          Listed& listed = series[usage.metric()];
          listed.file_bytes += usage.file_bytes();
          listed.last_update_unix_seconds =
              std::max(listed.last_update_unix_seconds, usage.last_update_unix_seconds());
        });
    PLUMBAGO_RETURN_IF_ERROR(status);
  }
  return PrintUsage(session, series);
}

// Adds what one store answers: all names, or those that the pattern matches.
grpc::Status ReadNames(const StoreTarget& target, const SeriesArguments& arguments,
                       std::set<std::string>* metrics) {
  const auto stub = v1::Store::NewStub(rpc::MakeChannel(target.address));
  grpc::ClientContext context;
  if (arguments.pattern.empty()) {
    v1::ListSeriesRequest request;
    request.set_tenant(arguments.stores.tenant);
    const auto reader = stub->ListSeries(&context, request);
    v1::ListSeriesResponse response;
    while (reader->Read(&response)) {
      metrics->insert(response.metric().begin(), response.metric().end());
    }
    return reader->Finish();
  }
  v1::FindRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_pattern(arguments.pattern);
  const auto reader = stub->Find(&context, request);
  v1::FindResponse response;
  while (reader->Read(&response)) {
    for (const auto& node : response.node()) {
      if (node.is_leaf()) metrics->insert(node.path());
    }
  }
  return reader->Finish();
}

absl::Status ListSeries(Session& session, const SeriesArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  std::set<std::string> metrics;
  for (const StoreTarget& target : stores.all()) {
    const grpc::Status status = ReadNames(target, arguments, &metrics);
    if (!status.ok()) return target.CallError(status);
  }
  v1::FindResponse found;
  Table table({"SERIES"});
  for (const std::string& metric : metrics) {
    found.add_node()->set_path(metric);
    found.mutable_node(found.node_size() - 1)->set_is_leaf(true);
    table.Add({metric});
  }
  return session.Print(found, table);
}

absl::Status DiskUsage(Session& session, const SeriesArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::DiskUsageRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_pattern(arguments.pattern);
  request.set_depth(arguments.depth);
  std::map<std::pair<std::string, bool>, v1::DiskUsageResponse::Branch> branches;
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto response,
                              target.Call(&v1::StoreAdmin::Stub::DiskUsage, request));
    for (const auto& branch : response.branch()) {
      auto& sum = branches[{branch.path(), branch.is_leaf()}];
      sum.set_path(branch.path());
      sum.set_is_leaf(branch.is_leaf());
      sum.set_series_count(sum.series_count() + branch.series_count());
      sum.set_file_bytes(sum.file_bytes() + branch.file_bytes());
      sum.set_last_update_unix_seconds(
          std::max(sum.last_update_unix_seconds(), branch.last_update_unix_seconds()));
    }
  }
  v1::DiskUsageResponse all;
  Table table({"BRANCH", "SERIES", "BYTES", "", "LAST UPDATE"});
  for (auto& [key, branch] : branches) {
    table.Add({branch.path().empty() ? "(all)" : branch.path(), absl::StrCat(branch.series_count()),
               absl::StrCat(branch.file_bytes()), FormatBytes(branch.file_bytes()),
               FormatUnixMs(int64_t{branch.last_update_unix_seconds()} * 1000)});
    *all.add_branch() = std::move(branch);
  }
  return session.Print(all, table);
}

absl::Status Slot(Session& session, const SeriesArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  const uint32_t slot = topology::SlotOf(arguments.stores.tenant, arguments.pattern);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto holders,
                            stores.HoldersOf(arguments.stores.tenant, arguments.pattern));
  v1::SlotRange range;
  range.set_first(slot);
  range.set_last(slot);
  Table table({"SLOT", "SHARD", "STORE"});
  for (const StoreTarget* target : holders) {
    range.add_shard(target->shard);
    table.Add({absl::StrCat(slot), target->shard, target->address});
  }
  return session.Print(range, table);
}

// ---- the command line ----

using Run = absl::Status (*)(Session&, const SeriesArguments&);

CLI::App& AddCommand(CLI::App& parent, Session& session,
                     const std::shared_ptr<SeriesArguments>& arguments, const std::string& name,
                     const std::string& help, Run run) {
  CLI::App& command = *parent.add_subcommand(name, help);
  AddStoreFlags(command, arguments->stores);
  command.callback([&session, arguments, run] {
    session.action = [&session, arguments, run] { return run(session, *arguments); };
  });
  return command;
}

void AddChangingCommands(CLI::App& series, Session& session,
                         const std::shared_ptr<SeriesArguments>& arguments) {
  CLI::App& remove = AddCommand(series, session, arguments, "delete",
                                "Move series into the trash; shows them first", Delete);
  remove.add_option("pattern", arguments->pattern, "As for find; a trailing ** takes all below")
      ->required();
  remove.add_flag("--yes", arguments->is_confirmed, "Do it, instead of showing what would go");

  CLI::App& expire =
      AddCommand(series, session, arguments, "expire",
                 "Move series without recent points into the trash; shows them first", Expire);
  expire.add_option("pattern", arguments->pattern, "As for find; without it all series");
  expire.add_option("--older-than", arguments->age, "Without a point for so long: 12h, 90d")
      ->required();
  expire.add_flag("--yes", arguments->is_confirmed, "Do it, instead of showing what would go");

  for (const auto& [name, help, run] :
       {std::tuple{"rename", "Give a series, or a branch with all below, another name",
                   Run{Rename}},
        std::tuple{"copy", "Copy a series, or a branch with all below", Run{Copy}}}) {
    CLI::App& move = AddCommand(series, session, arguments, name, help, run);
    move.add_option("from", arguments->pattern, "Name of the series or branch")->required();
    move.add_option("to", arguments->to, "New name")->required();
    move.add_flag("--dry-run", arguments->is_dry_run, "Change nothing; show what would be done");
  }
}

}  // namespace

void AddSeriesCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SeriesArguments>();  // shared by the options and the actions
  CLI::App& series = *app.add_subcommand("series", "List, delete, rename, copy and expire series");
  series.require_subcommand(1);
  series.footer(
      "Examples:\n"
      "  plumbagoctl series list 'servers.*.cpu' --tenant acme\n"
      "  plumbagoctl series delete 'servers.old.**'          shows what would go\n"
      "  plumbagoctl series delete 'servers.old.**' --yes    does it\n"
      "  plumbagoctl series expire --older-than 90d\n"
      "  plumbagoctl series rename servers.web01 servers.web02\n"
      "What is deleted, expired or renamed can be restored for a while: plumbagoctl trash --help.");
  AddCommand(series, session, arguments, "list", "Show series that match", ListSeries)
      .add_option("pattern", arguments->pattern, "As for find; without it all series");
  AddChangingCommands(series, session, arguments);
  CLI::App& stale =
      AddCommand(series, session, arguments, "stale", "Show series without recent points", Stale);
  stale.add_option("pattern", arguments->pattern, "As for find; without it all series");
  stale.add_option("--older-than", arguments->age, "Without a point for so long: 12h, 90d")
      ->required();

  CLI::App& du = AddCommand(app, session, arguments, "du",
                            "Show series and bytes by branch, over all replicas", DiskUsage);
  du.footer(
      "Examples:\n"
      "  plumbagoctl du\n"
      "  plumbagoctl du servers --depth 2 --tenant acme");
  du.add_option("pattern", arguments->pattern, "As for find; without it the whole tenant");
  du.add_option("--depth", arguments->depth, "Nodes below the pattern's to list")
      ->capture_default_str();

  CLI::App& slot = AddCommand(app, session, arguments, "slot",
                              "Show the slot of a metric and the shards that hold it", Slot);
  slot.footer("Example:\n  plumbagoctl slot servers.web01.cpu --tenant acme");
  slot.add_option("metric", arguments->pattern, "Name of the series")->required();
}

}  // namespace plumbago::ctl

// plumbagoctl trash ... and plumbagoctl snapshot ...
#include <google/protobuf/message.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "job_runs.h"
#include "progress.h"
#include "stores.h"

namespace plumbago::ctl {
namespace {

struct SetArguments {
  StoreFlags stores;
  std::string name;  // or id
  bool is_dry_run = false;
};

// Asks every store for its list; `add` makes a row of each of its entries.
template <typename Request, typename Response>
absl::Status List(Session& session, const SetArguments& arguments,
                  grpc::Status (v1::StoreAdmin::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                  Table table,
                  absl::FunctionRef<void(const std::string& shard, const Response&, Table&)> add) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  Request request;
  request.set_tenant(arguments.stores.tenant);
  std::vector<Response> responses;
  for (const StoreTarget& target : stores.all()) {
    PLUMBAGO_ASSIGN_OR_RETURN(responses.emplace_back(), target.Call(method, request));
    add(target.shard, responses.back(), table);
  }
  if (session.output != "json") {
    std::cout << table.Format();
    return absl::OkStatus();
  }
  std::vector<Session::Part> parts;
  for (size_t i = 0; i < responses.size(); ++i) {
    parts.push_back({stores.all()[i].shard, &responses[i]});
  }
  return session.PrintParts(parts);
}

absl::Status ListTrash(Session& session, const SetArguments& arguments) {
  return List<v1::ListTrashRequest, v1::ListTrashResponse>(
      session, arguments, &v1::StoreAdmin::Stub::ListTrash,
      Table({"SHARD", "ID", "DELETED", "PURGED", "SERIES", "BYTES", "WHAT"}),
      [](const std::string& shard, const v1::ListTrashResponse& response, Table& table) {
        for (const auto& entry : response.entry()) {
          table.Add({shard, entry.id(), FormatUnixMs(entry.deleted_unix_seconds() * 1000),
                     FormatUnixMs(entry.purged_unix_seconds() * 1000),
                     absl::StrCat(entry.series_count()), FormatBytes(entry.file_bytes()),
                     entry.description()});
        }
      });
}

absl::Status ListSnapshots(Session& session, const SetArguments& arguments) {
  return List<v1::ListSnapshotsRequest, v1::ListSnapshotsResponse>(
      session, arguments, &v1::StoreAdmin::Stub::ListSnapshots,
      Table({"SHARD", "NAME", "CREATED", "SERIES", "BYTES"}),
      [](const std::string& shard, const v1::ListSnapshotsResponse& response, Table& table) {
        for (const auto& snapshot : response.snapshot()) {
          table.Add({shard, snapshot.name(), FormatUnixMs(snapshot.created_unix_seconds() * 1000),
                     absl::StrCat(snapshot.series_count()), FormatBytes(snapshot.file_bytes())});
        }
      });
}

using FillRequest = void (*)(const SetArguments& arguments, v1::StartJobRequest& request);

absl::Status RunJob(Session& session, const SetArguments& arguments, FillRequest fill) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::StartJobRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_dry_run(arguments.is_dry_run);
  fill(arguments, request);
  PLUMBAGO_ASSIGN_OR_RETURN(const auto jobs, RunJobs(stores, request));
  return PrintJobs(session, jobs);
}

// An entry of the trash has an id of its own on each store: the ones that have it restore it.
absl::Status RestoreTrash(Session& session, const SetArguments& arguments) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  v1::StartJobRequest request;
  request.set_tenant(arguments.stores.tenant);
  request.set_dry_run(arguments.is_dry_run);
  request.mutable_restore_trash()->set_id(arguments.name);
  std::vector<ShardJob> jobs;
  absl::Status missing;
  for (const StoreTarget& target : stores.all()) {
    const auto started = target.Call(&v1::StoreAdmin::Stub::StartJob, request);
    if (absl::IsNotFound(started.status())) {
      missing = started.status();
      continue;
    }
    if (!started.ok()) return started.status();
    PLUMBAGO_ASSIGN_OR_RETURN(jobs.emplace_back(), WatchJob(target, started->id()));
  }
  return jobs.empty() ? missing : PrintJobs(session, jobs);
}

CLI::App& AddWithName(CLI::App& parent, const std::string& name, const std::string& help,
                      SetArguments& arguments, const std::string& option,
                      const std::string& option_help) {
  CLI::App& command = *parent.add_subcommand(name, help);
  command.add_option(option, arguments.name, option_help)->required();
  AddStoreFlags(command, arguments.stores);
  return command;
}

void AddTrashCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SetArguments>();  // shared by the options and the actions
  CLI::App& trash = *app.add_subcommand("trash", "Show and restore what was deleted or expired");
  trash.require_subcommand(1);
  trash.footer(
      "Examples:\n"
      "  plumbagoctl trash list\n"
      "  plumbagoctl trash restore 20240501t120000z-1\n"
      "Each store has entries of its own, purged --trash-retention after the deletion. A series\n"
      "that exists again meanwhile only has its gaps filled.");
  CLI::App& list = *trash.add_subcommand("list", "Show what can be restored");
  AddStoreFlags(list, arguments->stores);
  list.callback([&session, arguments] {
    session.action = [&session, arguments] { return ListTrash(session, *arguments); };
  });
  CLI::App& restore = AddWithName(trash, "restore", "Put an entry's series back", *arguments, "id",
                                  "Id of the entry, as trash list shows it");
  restore.add_flag("--dry-run", arguments->is_dry_run, "Change nothing; show what would be done");
  restore.callback([&session, arguments] {
    session.action = [&session, arguments] { return RestoreTrash(session, *arguments); };
  });
}

void AddSnapshotCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SetArguments>();  // shared by the options and the actions
  CLI::App& snapshot =
      *app.add_subcommand("snapshot", "Take, restore and drop snapshots of a tenant");
  snapshot.require_subcommand(1);
  snapshot.footer(
      "Examples:\n"
      "  plumbagoctl snapshot create before-upgrade --tenant acme\n"
      "  plumbagoctl snapshot restore before-upgrade --tenant acme\n"
      "  plumbagoctl snapshot drop before-upgrade --tenant acme\n"
      "Each store takes its own at its own moment. A snapshot takes no disk at first; each series\n"
      "that is written afterwards is copied. What a restore replaces goes to the trash.");
  CLI::App& list = *snapshot.add_subcommand("list", "Show the snapshots of a tenant");
  AddStoreFlags(list, arguments->stores);
  list.callback([&session, arguments] {
    session.action = [&session, arguments] { return ListSnapshots(session, *arguments); };
  });
  const auto add = [&](const std::string& name, const std::string& help,
                       FillRequest fill) -> CLI::App& {
    CLI::App& command = AddWithName(snapshot, name, help, *arguments, "name",
                                    "Name of the snapshot: 1 to 63 of a-z, 0-9 and -");
    command.callback([&session, arguments, fill] {
      session.action = [&session, arguments, fill] { return RunJob(session, *arguments, fill); };
    });
    return command;
  };
  add("create", "Keep all series of a tenant as they are now",
      [](const SetArguments& given, v1::StartJobRequest& request) {
        request.mutable_create_snapshot()->set_name(given.name);
      });
  add("restore", "Make a tenant's series what they were; what they are goes to the trash",
      [](const SetArguments& given, v1::StartJobRequest& request) {
        request.mutable_restore_snapshot()->set_name(given.name);
      })
      .add_flag("--dry-run", arguments->is_dry_run, "Change nothing; show what would be done");
  add("drop", "Remove a snapshot for good",
      [](const SetArguments& given, v1::StartJobRequest& request) {
        request.mutable_drop_snapshot()->set_name(given.name);
      });
}

}  // namespace

void AddSetCommands(CLI::App& app, Session& session) {
  AddTrashCommands(app, session);
  AddSnapshotCommands(app, session);
}

}  // namespace plumbago::ctl

// plumbagoctl rescan and plumbagoctl verify
#include "base/status.h"
#include "commands.h"
#include "job_runs.h"
#include "stores.h"

namespace plumbago::ctl {
namespace {

absl::Status Run(Session& session, const StoreFlags& flags, const v1::StartJobRequest& request) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, flags));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto jobs, RunJobs(stores, request));
  return PrintJobs(session, jobs);
}

}  // namespace

void AddCheckCommands(CLI::App& app, Session& session) {
  auto flags = std::make_shared<StoreFlags>();  // shared by the options and the actions
  CLI::App& rescan = *app.add_subcommand("rescan", "Bring the indexes in line with the files");
  rescan.footer(
      "Examples:\n"
      "  plumbagoctl rescan\n"
      "  plumbagoctl rescan --shard a\n"
      "The stores do so by themselves every --rescan-interval; this does it now.");
  AddShardFlags(rescan, *flags);
  rescan.callback([&session, flags] {
    session.action = [&session, flags] {
      v1::StartJobRequest request;
      request.mutable_rescan();
      return Run(session, *flags, request);
    };
  });

  auto tenant = std::make_shared<std::string>();  // as above
  CLI::App& verify =
      *app.add_subcommand("verify", "Look for damaged, foreign and unreadable files");
  verify.footer(
      "Examples:\n"
      "  plumbagoctl verify\n"
      "  plumbagoctl verify --tenant acme --output json\n"
      "Reads every file, changes none. Exit code 1 where something was found.");
  verify.add_option("--tenant", *tenant, "Tenant id; without it all");
  AddShardFlags(verify, *flags);
  verify.callback([&session, flags, tenant] {
    session.action = [&session, flags, tenant] {
      v1::StartJobRequest request;
      request.set_tenant(*tenant);
      request.mutable_verify_files();
      return Run(session, *flags, request);
    };
  });
}

}  // namespace plumbago::ctl

// plumbagoctl: manages tenants, keys and topology through the tenant-controller's gRPC, series
// through that of the stores, and rules through that of the relays.
//
// Exit code: 0, 1 where the call was refused or failed (one line on standard error), 2 for a
// malformed command line.

#include <CLI/CLI.hpp>
#include <iostream>

#include "commands.h"
#include "service/version.h"
#include "session.h"

namespace {

constexpr int kRefused = 1;
constexpr int kUsage = 2;

// What is wrong with a command line, with the commands that there are where none of them was given.
std::string DescribeMistake(const CLI::App* app, const CLI::Error& error) {
  const std::vector<std::string> unknown = app->remaining(/*recurse=*/true);
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  std::string commands;
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : ", ") + command->get_name();
  }
  std::string text = "plumbagoctl: ";
  if (!commands.empty() && !unknown.empty()) {
    text += "unknown command or option \"" + unknown.front() + "\"";
  } else {
    text += error.what();
  }
  if (!commands.empty()) text += "; the commands here are: " + commands;
  return text + "\nRun it with --help for more.\n";
}

void AddEverything(CLI::App& app, plumbago::ctl::Session& session) {
  app.failure_message(DescribeMistake);
  app.set_version_flag("--version", std::string("plumbagoctl ") + plumbago::service::kVersion);
  app.require_subcommand(1);
  app.fallthrough();  // flags of this level may stand behind a subcommand
  app.add_option("--controller", session.controller, "host:port of the tenant-controller's gRPC")
      ->envname("PLUMBAGO_CONTROLLER")
      ->capture_default_str();
  app.add_option("--output", session.output, "table for people, json for programs")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  plumbagoctl tenant create acme\n"
      "  plumbagoctl key create acme --scope ingest\n"
      "  plumbagoctl topology show\n"
      "  plumbagoctl shards\n"
      "  plumbagoctl series delete 'servers.old.**'\n"
      "  plumbagoctl ledger\n"
      "  plumbagoctl import /var/lib/graphite/whisper\n"
      "  plumbagoctl relay explain servers.web1.cpu\n"
      "  plumbagoctl --controller 10.0.0.1:7400 tenant list --output json\n"
      "plumbagoctl <command> --help says more.");
  plumbago::ctl::AddTenantCommands(app, session);
  plumbago::ctl::AddKeyCommands(app, session);
  plumbago::ctl::AddShardCommands(app, session);
  plumbago::ctl::AddTopologyCommands(app, session);
  plumbago::ctl::AddSeriesCommands(app, session);
  plumbago::ctl::AddSetCommands(app, session);
  plumbago::ctl::AddCheckCommands(app, session);
  plumbago::ctl::AddImportCommands(app, session);
  plumbago::ctl::AddJobCommands(app, session);
  plumbago::ctl::AddSchemaCommands(app, session);
  plumbago::ctl::AddQuotaCommands(app, session);
  plumbago::ctl::AddLedgerCommands(app, session);
  plumbago::ctl::AddRelayCommands(app, session);
  plumbago::ctl::AddTopCommand(app, session);
  plumbago::ctl::AddQueryCommands(app, session);
  plumbago::ctl::AddQueryControlCommands(app, session);
}

}  // namespace

int main(int argc, char** argv) {
  plumbago::ctl::Session session;
  CLI::App app("Manages the tenants, keys, topology and series of Plumbago.", "plumbagoctl");
  AddEverything(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const absl::Status status = session.action();
  if (status.ok()) return 0;
  std::cerr << "plumbagoctl: " << std::string(status.message()) << "\n";
  return kRefused;
}

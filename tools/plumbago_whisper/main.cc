// plumbago-whisper: looks at whisper files, makes and mends them.
//
// Exit code: 0, 1 where the work was refused or failed (one line on standard error), 2 for a
// malformed command line.

#include <CLI/CLI.hpp>
#include <iostream>

#include "commands.h"
#include "service/version.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

void AddEverything(CLI::App& app, plumbago::whisper_tool::Session& session) {
  app.set_version_flag("--version", std::string("plumbago-whisper ") + plumbago::service::kVersion);
  app.require_subcommand(1);
  app.fallthrough();  // flags of this level may stand behind a subcommand
  app.add_option("--now", session.fixed_now,
                 "Unix time to take for the present: what is too old, and where a range ends; "
                 "default: the clock");
  app.footer(
      "Examples:\n"
      "  plumbago-whisper info cpu.wsp\n"
      "  plumbago-whisper fetch cpu.wsp --from 1700000000 --pretty\n"
      "  plumbago-whisper create cpu.wsp 10s:6h 1m:7d --aggregationMethod sum\n"
      "  plumbago-whisper verify /var/lib/graphite/whisper\n"
      "Output and options are those of whisper's own tools (whisper-info, whisper-fetch, ...).\n"
      "Stop what writes to a file before resize; the others may run beside a writer.\n"
      "plumbago-whisper <command> --help says more.");
  plumbago::whisper_tool::AddInfoCommand(app, session);
  plumbago::whisper_tool::AddReadCommands(app, session);
  plumbago::whisper_tool::AddVerifyCommand(app, session);
  plumbago::whisper_tool::AddWriteCommands(app, session);
  plumbago::whisper_tool::AddCopyCommands(app, session);
  plumbago::whisper_tool::AddDiffCommand(app, session);
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  plumbago::whisper_tool::Session session;
  CLI::App app("Looks at whisper files, makes and mends them.", "plumbago-whisper");
  AddEverything(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  absl::Status status = session.action();
  if (status.ok() && !std::cout.flush()) {
    status = absl::UnavailableError("standard output cannot be written");
  }
  if (status.ok()) return 0;
  std::cout.flush();
  std::cerr << "plumbago-whisper: " << std::string(status.message()) << "\n";
  return kFailed;
}

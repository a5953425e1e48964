// The subcommands. Each function adds its own below `app`; both arguments outlive the parsing and
// the action.
#pragma once

#include <CLI/CLI.hpp>

#include "session.h"

namespace plumbago::ctl {

void AddTenantCommands(CLI::App& app, Session& session);
void AddKeyCommands(CLI::App& app, Session& session);
void AddShardCommands(CLI::App& app, Session& session);
void AddTopologyCommands(CLI::App& app, Session& session);
void AddJobCommands(CLI::App& app, Session& session);

}  // namespace plumbago::ctl

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
void AddSeriesCommands(CLI::App& app, Session& session);  // series, du, slot
void AddSetCommands(CLI::App& app, Session& session);     // trash, snapshot
void AddCheckCommands(CLI::App& app, Session& session);   // rescan, verify
void AddImportCommands(CLI::App& app, Session& session);  // import, fill
void AddLedgerCommands(CLI::App& app, Session& session);
void AddJobCommands(CLI::App& app, Session& session);
void AddSchemaCommands(CLI::App& app, Session& session);
void AddQuotaCommands(CLI::App& app, Session& session);
void AddRelayCommands(CLI::App& app, Session& session);
void AddTopCommand(CLI::App& app, Session& session);
void AddQueryCommands(CLI::App& app, Session& session);  // shards
void AddQueryControlCommands(CLI::App& app, Session& session);

// Those of the storage policy, below `tenant`.
void AddPolicyCommands(CLI::App& tenant, Session& session);

}  // namespace plumbago::ctl

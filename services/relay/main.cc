// plumbago-relay: takes points from clients and brings each to the caches of its shard.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "ledger_rows.h"
#include "relay_admin_service.h"
#include "relay_flags.h"
#include "relay_server.h"
#include "rpc/snapshot_watcher.h"
#include "service/runtime.h"
#include "topology/snapshot.h"

namespace {

using plumbago::relay::RelayFlags;
using plumbago::relay::RelayServer;

absl::Status RunRelay(const RelayFlags& flags, plumbago::service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
  const std::string instance = absl::StrCat("relay-", getpid());
  plumbago::relay::RelayOptions options = flags.relay;
  if (options.spool.directory.empty()) options.spool.directory = flags.common.data_dir + "/spool";
  RelayServer relay(options, instance, runtime.file_system(), runtime.clock(), runtime.metrics());
  PLUMBAGO_RETURN_IF_ERROR(relay.Start());
  plumbago::relay::RelayAdminService admin(relay);
  plumbago::service::LedgerService ledger("relay", runtime.metrics(), runtime.clock(),
                                          plumbago::relay::LedgerRows());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&admin, &ledger}));

  plumbago::topology::SnapshotHolder holder;
  if (relay.needs_shards()) {
    runtime.health().SetNotReady("no slot map yet: waiting for the tenant-controller");
  } else {
    runtime.health().SetReady();
  }
  holder.AddListener([&](const auto& snapshot) {
    relay.SetSnapshot(snapshot);
    if (!snapshot->slot_map()->shards().empty()) runtime.health().SetReady();
  });
  plumbago::rpc::SnapshotWatcher watcher({.controller_address = flags.controller,
                                          .service = "relay",
                                          .instance = instance,
                                          .snapshot_path = flags.common.data_dir + "/snapshot.pb"},
                                         runtime.file_system(), runtime.metrics(), holder);
  if (absl::Status watching = watcher.Start(); !watching.ok()) {
    runtime.StopGrpc();  // it serves objects of this function
    return watching;
  }

  runtime.WaitForStop([&relay] { relay.Reload(); });
  watcher.Stop();
  absl::Status drained = relay.Drain(runtime.stop_deadline());
  runtime.StopGrpc();
  return drained;
}

}  // namespace

int main(int argc, char** argv) {
  plumbago::service::CommandLine line(
      "plumbago-relay", "Takes points from clients and brings them to the caches of their shards.");
  RelayFlags flags;
  plumbago::relay::AddFlags(line, flags);
  if (const auto code = line.Parse(argc, argv)) return *code;
  return plumbago::service::Run(line.name(), flags.common,
                                [&](auto& runtime) { return RunRelay(flags, runtime); });
}

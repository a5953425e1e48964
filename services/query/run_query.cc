#include "run_query.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "functions/function_table.h"
#include "grpc_event_source.h"
#include "grpc_shard_client.h"
#include "http/server.h"
#include "http_api.h"
#include "query/engine.h"
#include "query/guarded_shards.h"
#include "query_admin_service.h"
#include "rpc/snapshot_watcher.h"
#include "shard_prober.h"
#include "topology/snapshot.h"

namespace plumbago::query {

absl::Status RunQuery(const QueryFlags& flags, service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(Validate(flags));
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());

  const functions::FunctionTable table = functions::MakeBuiltinFunctions();
  topology::SnapshotHolder snapshots;
  QueryMetrics metrics(runtime.metrics());
  GrpcShardClients clients(metrics, runtime.clock());
  GuardedShards shards(clients, runtime.clock(), flags.guard);
  snapshots.AddListener([&](const auto& snapshot) {
    clients.Retain(*snapshot->slot_map());
    shards.Retain(*snapshot->slot_map());
  });
  const auto shard_gauges =
      runtime.metrics().BeforeScrape([&] { metrics.Show(shards, snapshots); });
  GrpcEventSource events(flags.controller);
  const Engine engine(LimitsOf(flags), table, shards, runtime.clock(), &events);
  ShardProber prober(shards, snapshots);
  prober.Start();
  HttpApi api(
      {engine, table, snapshots, runtime.clock(), runtime.metrics(), &events},
      {.authentication = flags.auth == "keys" ? Authentication::kKeys : Authentication::kNone,
       .cors_origin = flags.cors_origin,
       .partial = flags.partial,
       .limits = LimitsOf(flags),
       .controls = ControlsOf(flags)});
  QueryAdminService admin(shards, snapshots, api.controls().queries(), api.controls().blocks());

  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&admin}));
  auto server = http::Server::Start(HttpServerOptions(flags),
                                    [&api](const auto& request) { return api.Handle(request); });
  if (!server.ok()) return base::Annotate(server.status(), "--http-listen");
  base::LogInfo(absl::StrCat("serves HTTP on port ", (*server)->port()));
  runtime.health().SetNotReady("no slot map yet: waiting for the tenant-controller");
  snapshots.AddListener([&](const auto& snapshot) {
    if (!snapshot->slot_map()->shards().empty()) runtime.health().SetReady();
  });
  rpc::SnapshotWatcher watcher({.controller_address = flags.controller,
                                .service = "query",
                                .instance = absl::StrCat("query-", getpid()),
                                .snapshot_path = flags.common.data_dir + "/snapshot.pb"},
                               runtime.file_system(), runtime.metrics(), snapshots);
  PLUMBAGO_RETURN_IF_ERROR(watcher.Start());

  runtime.WaitForStop();
  (*server)->Stop(flags.common.drain_timeout);
  watcher.Stop();
  prober.Stop();
  runtime.StopGrpc();
  return absl::OkStatus();
}

}  // namespace plumbago::query

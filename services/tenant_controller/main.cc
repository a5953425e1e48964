// plumbago-tenant-controller: keeps tenants, keys and topology, and pushes them to every service.

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status.h"
#include "controller_flags.h"
#include "events_service.h"
#include "kv/rocksdb_key_value.h"
#include "registry_metrics.h"
#include "service/runtime.h"
#include "tenancy/event_store.h"
#include "tenancy/registry.h"
#include "tenants_service.h"
#include "topology_service.h"

namespace {

namespace service = plumbago::service;
namespace tenant_controller = plumbago::tenant_controller;
using tenant_controller::ControllerFlags;

absl::Status RunController(const ControllerFlags& flags, service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(tenant_controller::ValidateListen(flags));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto shards, tenant_controller::ReadShards(flags));
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());

  PLUMBAGO_ASSIGN_OR_RETURN(const auto database,
                            plumbago::kv::OpenRocksDb(flags.common.data_dir + "/registry"));
  plumbago::base::SecureRandom random;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto registry,
                            plumbago::tenancy::Registry::Open(*database, runtime.clock(), random));
  if (!shards.empty() && registry->Current()->topology().epoch() > 0) {
    plumbago::base::LogInfo(
        "the registry has shards already: --shard only checks that these are among them");
  }
  PLUMBAGO_RETURN_IF_ERROR(registry->InitialiseTopology(shards, flags.replication_factor));

  PLUMBAGO_ASSIGN_OR_RETURN(const auto event_database,
                            plumbago::kv::OpenRocksDb(flags.common.data_dir + "/events"));
  PLUMBAGO_ASSIGN_OR_RETURN(
      const auto events,
      plumbago::tenancy::EventStore::Open(*event_database, runtime.clock(), runtime.metrics(),
                                          tenant_controller::EventLimitsOf(flags)));

  tenant_controller::RegistryMetrics metrics(runtime.metrics());
  tenant_controller::TenantsService tenants(*registry);
  tenant_controller::TopologyService topology(*registry, runtime.metrics());
  tenant_controller::EventsService events_service(*events, *registry);
  registry->SetListener([&] {
    metrics.Update(*registry->Current());
    topology.Push();
    events_service.RemoveOfDeletedTenants();
  });
  events_service.RemoveOfDeletedTenants();
  metrics.Update(*registry->Current());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&tenants, &topology, &events_service}));
  runtime.health().SetReady();

  runtime.WaitForStop();
  topology.Stop();
  runtime.StopGrpc();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  service::CommandLine line(
      "plumbago-tenant-controller",
      "Keeps tenants, keys and topology, and pushes them to the other services.");
  ControllerFlags flags;
  tenant_controller::AddFlags(line, flags);
  if (const auto code = line.Parse(argc, argv)) return *code;
  return service::Run(line.name(), flags.common,
                      [&](auto& runtime) { return RunController(flags, runtime); });
}

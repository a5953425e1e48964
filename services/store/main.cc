// plumbago-store: whisper files and the series index of one shard.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "ledger_rows.h"
#include "live_policy.h"
#include "open_index.h"
#include "operations.h"
#include "rpc/snapshot_watcher.h"
#include "service/runtime.h"
#include "store_admin_service.h"
#include "store_flags.h"
#include "store_service.h"

namespace plumbago::store_service {
namespace {

absl::Status Serve(service::Runtime& runtime, StoreFlags flags) {
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
  const std::string& data_dir = runtime.options().data_dir;
  PLUMBAGO_ASSIGN_OR_RETURN(const OpenedIndex opened, OpenIndex(runtime, flags.index_source()));
  index::SeriesIndex& index = *opened.index;

  topology::SnapshotHolder holder;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto policy, LivePolicy::Start(runtime, flags, index, holder));
  store::Store store({.clock = runtime.clock(),
                      .file_system = runtime.file_system(),
                      .metrics = runtime.metrics(),
                      .index = index,
                      .policies = policy->policies(),
                      .quotas = policy->quotas()},
                     flags.StoreOptionsFor(data_dir));
  flags.service.epoch = [&holder] { return holder.epoch(); };
  StoreService service(store, index, flags.service);
  Operations operations({runtime.clock(), runtime.file_system(), index, store, holder},
                        {.data_directory = data_dir, .trash_retention = flags.trash_retention});
  StoreAdminService admin(operations);
  policy->ServeIn(admin, store);
  PLUMBAGO_RETURN_IF_ERROR(store.Start());
  PLUMBAGO_RETURN_IF_ERROR(operations.Start());
  store.StartScans();
  rpc::SnapshotWatcher watcher({.controller_address = flags.controller,
                                .service = "store",
                                .instance = absl::StrCat("store-", getpid()),
                                .snapshot_path = absl::StrCat(data_dir, "/snapshot.pb")},
                               runtime.file_system(), runtime.metrics(), holder);
  PLUMBAGO_RETURN_IF_ERROR(watcher.Start());
  service::LedgerService ledger("store", runtime.metrics(), runtime.clock(), LedgerRows());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&service, &admin, &ledger}));
  runtime.health().SetReady();

  runtime.WaitForStop([&policy] { policy->Reload(); });
  watcher.Stop();
  operations.Drain();
  service.Drain();
  runtime.StopGrpc();
  return absl::OkStatus();
}

}  // namespace
}  // namespace plumbago::store_service

int main(int argc, char** argv) {
  namespace service = plumbago::service;
  namespace store_service = plumbago::store_service;
  service::CommandLine command_line("plumbago-store", "Keeps series in whisper files");
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7800",
                                .admin_listen = "127.0.0.1:7801",
                                .data_dir = "/var/lib/plumbago/store"};
  store_service::StoreFlags flags;
  service::AddCommonFlags(command_line, common);
  store_service::AddStoreFlags(command_line, flags);
  if (const auto code = command_line.Parse(argc, argv)) return *code;
  return service::Run(command_line.name(), common, [&](service::Runtime& runtime) {
    return store_service::Serve(runtime, flags);
  });
}

// plumbago-store: whisper files and the series index of one shard.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "index/series_index.h"
#include "kv/rocksdb_key_value.h"
#include "service/runtime.h"
#include "store/store.h"
#include "store_flags.h"
#include "store_service.h"

namespace plumbago::store_service {
namespace {

// Besides the whisper files: index, sockets, logs.
constexpr uint64_t kOtherFilesMax = 1024;

absl::Status Serve(service::Runtime& runtime, StoreFlags flags) {
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::StorageRules rules,
                            ReadStorageRules(runtime.file_system(), flags));
  const std::string& data_dir = runtime.options().data_dir;
  PLUMBAGO_ASSIGN_OR_RETURN(auto key_value, kv::OpenRocksDb(absl::StrCat(data_dir, "/index")));
  PLUMBAGO_ASSIGN_OR_RETURN(auto index, index::SeriesIndex::Open(*key_value));

  const uint64_t files_max = base::RaiseOpenFileLimit();
  if (flags.store.open_files_max + kOtherFilesMax > files_max) {
    flags.store.open_files_max = files_max > 2 * kOtherFilesMax ? files_max - kOtherFilesMax : 64;
    base::LogWarning(absl::StrCat("--open-files-max is ", flags.store.open_files_max,
                                  ", because the system allows ", files_max, " open files"));
  }
  flags.store.directory = absl::StrCat(data_dir, "/whisper");
  store::Store store({.clock = runtime.clock(),
                      .file_system = runtime.file_system(),
                      .metrics = runtime.metrics(),
                      .index = *index,
                      .rules = rules},
                     flags.store);
  StoreService service(store, *index, flags.service);
  PLUMBAGO_RETURN_IF_ERROR(store.Start());
  store.StartScans();
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&service}));
  runtime.health().SetReady();

  runtime.WaitForStop();
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
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7700",
                                .admin_listen = "127.0.0.1:7701",
                                .data_dir = "plumbago-data/store"};
  store_service::StoreFlags flags;
  service::AddCommonFlags(command_line, common);
  store_service::AddStoreFlags(command_line, flags);
  if (const auto code = command_line.Parse(argc, argv)) return *code;
  return service::Run(command_line.name(), common, [&](service::Runtime& runtime) {
    return store_service::Serve(runtime, flags);
  });
}

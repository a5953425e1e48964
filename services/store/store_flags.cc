#include "store_flags.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::store_service {
void AddStoreFlags(service::CommandLine& command_line, StoreFlags& flags) {
  command_line.Add("--controller", flags.controller,
                   "gRPC address of the tenant-controller, host:port");
  command_line.Add("--shard-id", flags.shard_id,
                   "Id of this store's shard in the topology, which decides its share of quotas; "
                   "empty: the shard whose store address is --listen, and where there is none "
                   "each quota applies whole");
  command_line.Add("--storage-schemas", flags.policies.schemas_path,
                   "Path of carbon's storage-schemas.conf: the archives of new series; without it "
                   "all get 60s:7d");
  command_line.Add("--storage-aggregation", flags.policies.aggregation_path,
                   "Path of carbon's storage-aggregation.conf: xFilesFactor and aggregation method "
                   "of new series; without it all get 0.5 and average");
  command_line.Add("--policy-dir", flags.policies.tenants_directory,
                   "Directory with a directory for each tenant that has a storage-schemas.conf or "
                   "storage-aggregation.conf of its own, instead of the two above");
  command_line.AddDuration("--policy-poll-interval", flags.policy_poll_interval,
                           "How often these files are read again; SIGHUP does it at once "
                           "(plumbago_store_policy_generation)");
  command_line.Add("--writer-threads", flags.store.writer_threads,
                   "Threads that write whisper files; more than cores does not help");
  command_line.Add(
      "--open-files-max", flags.store.open_files_max,
      "Whisper files that hold a descriptor, about 1.5 KiB of memory each; with fewer "
      "than active series an update costs more. Never more than the hard limit of open "
      "files (ulimit -Hn) allows (plumbago_store_open_files)");
  command_line.AddBytes("--session-bytes-max", flags.store.session_bytes_max,
                        "Points accepted and not yet written, for each stream; the sender waits at "
                        "the limit (plumbago_store_queued_bytes)");
  command_line.Add(
      "--write-streams-max", flags.service.write_streams_max,
      "Most writers connected at a time; with --session-bytes-max it bounds the memory "
      "for queued points");
  command_line.AddDuration("--checkpoint-interval", flags.store.checkpoint_interval,
                           "How often the disk is synced and points become durable; longer makes "
                           "fewer, larger writes (plumbago_store_checkpoint_seconds)");
  command_line.AddBytes("--disk-free-min", flags.store.disk_free_bytes_min,
                        "Free space of the disk below which points are refused and only reads go "
                        "on; never more than 5 % of the disk; 0: only a full disk stops the writes "
                        "(plumbago_store_disk_free_bytes, plumbago_store_read_only)");
  command_line.AddDuration("--rescan-interval", flags.store.rescan_interval,
                           "How often the tree is walked for files that other tools have added, "
                           "replaced or removed (plumbago_store_scan_seconds)");
  command_line.AddDuration("--trash-retention", flags.trash_retention,
                           "How long deleted and expired series can be restored; until then they "
                           "take disk (plumbagoctl trash list)");
  command_line.AddSwitch("--rebuild-index", flags.rebuild_index,
                         "Build the index anew from the whisper files before serving; for once, "
                         "where it is lost or doubted");
  command_line.Add("--find-matches-max", flags.service.find_matches_max,
                   "Most nodes that one find may match");
  command_line.Add("--fetch-series-max", flags.service.fetch_series_max,
                   "Most series that one fetch may name");
}

size_t FitOpenFiles(size_t open_files_max) {
  constexpr uint64_t kOtherFilesMax = 1024;  // index, sockets, logs
  const uint64_t files_max = base::RaiseOpenFileLimit();
  if (open_files_max + kOtherFilesMax <= files_max) return open_files_max;
  const size_t fitting = files_max > 2 * kOtherFilesMax ? files_max - kOtherFilesMax : 64;
  base::LogInfo(absl::StrCat("at most ", fitting, " whisper files are held open, because the hard ",
                             "limit of open files is ", files_max,
                             "; with more active series than that, raise it (LimitNOFILE, "
                             "ulimit -Hn)"));
  return fitting;
}

store::StoreOptions StoreFlags::StoreOptionsFor(const std::string& data_directory) const {
  store::StoreOptions options = store;
  options.open_files_max = FitOpenFiles(store.open_files_max);
  options.directory = absl::StrCat(data_directory, "/whisper");
  return options;
}

}  // namespace plumbago::store_service

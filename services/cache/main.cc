// plumbago-cache: holds the newest points of a shard, answers for them, and flushes them to the
// shard's store.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cache/flusher.h"
#include "cache_flags.h"
#include "cache_service.h"
#include "rpc/snapshot_watcher.h"
#include "service/runtime.h"
#include "store_stream.h"
#include "topology/snapshot.h"

namespace {

using namespace plumbago::cache;  // NOLINT: a main is all about one library

absl::Status LostPoints(uint64_t count, const CacheFlags& flags) {
  return absl::UnavailableError(
      absl::StrCat("stopped with ", count, " points that the store at ", flags.store,
                   " did not take; they are lost. Keep the store up until its cache has stopped, "
                   "or raise --drain-timeout"));
}

absl::Status RunCache(const CacheFlags& flags, plumbago::service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
  plumbago::topology::SnapshotHolder holder;
  const auto epoch = [&holder] { return holder.epoch(); };

  CacheMetrics metrics(runtime.metrics());
  PointCache cache(flags.cache, runtime.clock(), metrics);
  const auto gauges = runtime.metrics().BeforeScrape([&cache] { cache.PublishGauges(); });
  Flusher* flusher_of_stream = nullptr;
  StoreStream store(flags.store, cache, metrics, runtime.clock(), epoch,
                    [&flusher_of_stream] { flusher_of_stream->OnBatchDone(); });
  Flusher flusher(flags.flusher, cache, store, runtime.clock());
  flusher_of_stream = &flusher;
  flusher.Start();
  IngestService ingest(cache, metrics, epoch);
  CacheReadService read(cache, epoch);
  plumbago::rpc::SnapshotWatcher watcher({.controller_address = flags.controller,
                                          .service = "cache",
                                          .instance = absl::StrCat("cache-", getpid()),
                                          .snapshot_path = flags.common.data_dir + "/snapshot.pb"},
                                         runtime.file_system(), runtime.metrics(), holder);
  PLUMBAGO_RETURN_IF_ERROR(watcher.Start());
  // Last: nothing below it can fail while the services are in use.
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&ingest, &read}));
  runtime.health().SetReady();

  runtime.WaitForStop();
  cache.Stop();
  ingest.Drain();
  const uint64_t left_count = flusher.Drain(runtime.stop_deadline());
  flusher.Stop();
  store.Stop();
  watcher.Stop();
  runtime.StopGrpc();
  return left_count == 0 ? absl::OkStatus() : LostPoints(left_count, flags);
}

}  // namespace

int main(int argc, char** argv) {
  plumbago::service::CommandLine line(
      "plumbago-cache", "Holds the newest points of a shard and flushes them to its store.");
  CacheFlags flags;
  AddFlags(line, flags);
  if (const auto code = line.Parse(argc, argv)) return *code;
  return plumbago::service::Run(line.name(), flags.common,
                                [&](auto& runtime) { return RunCache(flags, runtime); });
}

#include "run_cache.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "aggregation_method.h"
#include "base/allocator.h"
#include "base/log.h"
#include "base/status.h"
#include "cache/durability_tracker.h"
#include "cache/flusher.h"
#include "cache/journal_cutter.h"
#include "cache/point_journal.h"
#include "cache/refusal_list.h"
#include "cache_service.h"
#include "carbonlink_server.h"
#include "journal_start.h"
#include "ledger_rows.h"
#include "rpc/snapshot_watcher.h"
#include "store_stream.h"
#include "topology/snapshot.h"

namespace plumbago::cache {
namespace {

absl::Status StoreHasForgotten(const CacheFlags& flags) {
  return absl::UnavailableError(
      absl::StrCat("the machine of the store at ", flags.store,
                   " has restarted, and what it had "
                   "not synced is gone; start this cache again: its journal has the points"));
}

// For the bound on memory, and for the gauges.
size_t ProcessBytes() {
  const auto stats = base::ReadAllocatorStats();
  return stats.has_value() ? stats->allocated_bytes : 0;
}

void PublishAllocator(CacheMetrics& metrics) {
  const auto stats = base::ReadAllocatorStats();
  if (!stats.has_value()) return;
  metrics.allocated_bytes.Set(static_cast<double>(stats->allocated_bytes));
  metrics.active_bytes.Set(static_cast<double>(stats->active_bytes));
}

// Null where none is wanted.
absl::StatusOr<std::unique_ptr<CarbonlinkServer>> StartCarbonlink(const CacheFlags& flags,
                                                                  const PointCache& cache,
                                                                  base::Metrics& metrics) {
  if (flags.carbonlink.listen.empty()) return nullptr;
  // Shared by the copies of the function.
  auto methods = std::make_shared<AggregationMethodFinder>(flags.store, flags.carbonlink.tenant);
  return CarbonlinkServer::Start(
      flags.carbonlink, cache, metrics,
      [methods = std::move(methods)](const std::string& metric) { return methods->Find(metric); });
}

}  // namespace

absl::Status RunCache(CacheFlags flags, service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(ParseJournalSync(flags.journal_sync, &flags.journal.writer));
  PLUMBAGO_RETURN_IF_ERROR(CompleteCacheOptions(runtime.file_system(), flags));
  flags.flusher.process_bytes = ProcessBytes;
  PLUMBAGO_RETURN_IF_ERROR(CheckCarbonlink(flags.carbonlink));
  PLUMBAGO_RETURN_IF_ERROR(runtime.LockDataDirectory());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
  topology::SnapshotHolder holder;
  const auto epoch = [&holder] { return holder.epoch(); };
  rpc::SnapshotWatcher watcher({.controller_address = flags.controller,
                                .service = "cache",
                                .instance = absl::StrCat("cache-", getpid()),
                                .snapshot_path = flags.common.data_dir + "/snapshot.pb"},
                               runtime.file_system(), runtime.metrics(), holder);
  PLUMBAGO_RETURN_IF_ERROR(watcher.Start());

  CacheMetrics metrics(runtime.metrics());
  PointCache cache(flags.cache, runtime.clock(), metrics);
  DurabilityTracker durability;
  RefusalList refusals;
  std::atomic<bool> has_store_forgotten{false};
  Flusher* flusher_of_stream = nullptr;
  StoreStream store(flags.store, cache, durability, refusals, metrics, runtime.clock(),
                    {.epoch = epoch,
                     .on_batch_done = [&flusher_of_stream] { flusher_of_stream->OnBatchDone(); },
                     .on_points_lost =
                         [&] {
                           has_store_forgotten = true;
                           runtime.RequestStop();
                         }});
  Flusher flusher(flags.flusher, cache, store, runtime.clock());
  flusher_of_stream = &flusher;
  flusher.Start();

  flags.journal.writer.directory = flags.common.data_dir + "/journal";
  const auto found = ReplayAtStart(flags, holder.Get().get(), runtime, cache, metrics);
  if (absl::IsCancelled(found.status())) {
    base::LogInfo("stopped while replaying: the journal keeps everything");
    return absl::OkStatus();
  }
  if (!found.ok()) return found.status();
  PLUMBAGO_ASSIGN_OR_RETURN(
      const auto journal,
      PointJournal::Open(runtime.file_system(), runtime.clock(), flags.journal, *found, cache,
                         static_cast<uint64_t>(metrics.points_replayed.Value())));
  JournalCutter cutter(*journal, cache, durability, runtime.clock());
  cutter.Start();
  const auto gauges = runtime.metrics().BeforeScrape([&] {
    cache.PublishGauges();
    PublishAllocator(metrics);
    metrics.journal_bytes.Set(static_cast<double>(journal->total_bytes()));
    metrics.journal_points.Set(static_cast<double>(journal->point_count()));
  });
  IngestService ingest(cache, *journal, metrics, epoch);
  CacheReadService read(cache, refusals, epoch);
  service::LedgerService ledger("cache", runtime.metrics(), runtime.clock(), LedgerRows());
  PLUMBAGO_ASSIGN_OR_RETURN(const auto carbonlink,
                            StartCarbonlink(flags, cache, runtime.metrics()));
  // Last: nothing below it can fail while the services are in use.
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&ingest, &read, &ledger}));
  runtime.health().SetReady();

  runtime.WaitForStop();
  journal->Stop();
  ingest.Drain();
  const uint64_t left_count = flusher.Drain(runtime.stop_deadline());
  flusher.Stop();
  store.Stop();
  cutter.Stop();
  watcher.Stop();
  runtime.StopGrpc();
  if (has_store_forgotten) return StoreHasForgotten(flags);
  if (left_count > 0) {
    base::LogWarning(absl::StrCat(left_count,
                                  " points stay in the journal until the next "
                                  "start: the store at ",
                                  flags.store, " did not take them"));
  }
  return absl::OkStatus();
}

}  // namespace plumbago::cache

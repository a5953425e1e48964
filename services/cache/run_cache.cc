#include "run_cache.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "aggregation_methods.h"
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
#include "start_gate.h"
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

// What holds points and gives them to the store.
struct HotParts {
  HotParts(const CacheFlags& flags, service::Runtime& runtime, const EpochSource& epoch)
      : metrics(runtime.metrics()),
        cache(flags.cache, runtime.clock(), metrics),
        store(flags.store, cache, durability, refusals, metrics, runtime.clock(),
              {.epoch = epoch,
               .on_batch_done = [this] { flusher.OnBatchDone(); },
               .on_points_lost =
                   [this, &runtime] {
                     has_store_forgotten = true;
                     runtime.RequestStop();
                   }}),
        flusher(flags.flusher, cache, store, runtime.clock()) {}
  ~HotParts() { Stop(); }

  // The flusher first: it sends, and the stream tells it what has arrived.
  void Stop() {
    flusher.Stop();
    store.Stop();
  }

  CacheMetrics metrics;
  PointCache cache;
  DurabilityTracker durability;
  RefusalList refusals;
  std::atomic<bool> has_store_forgotten{false};
  StoreStream store;
  Flusher flusher;
};

// Null where none is wanted.
absl::StatusOr<std::unique_ptr<CarbonlinkServer>> StartCarbonlink(const CacheFlags& flags,
                                                                  const PointCache& cache,
                                                                  base::Metrics& metrics) {
  if (flags.carbonlink.listen.empty()) return nullptr;
  return CarbonlinkServer::Start(
      flags.carbonlink, cache, metrics,
      std::make_unique<AggregationMethods>(flags.store, flags.carbonlink.tenant));
}

enum class Synced { kAll, kNotInTime, kNoStore };

// So that the journal can be cut, and the next start has next to nothing to replay: the store's own
// interval is longer than a process has to stop. Asked again and again, for the connection may
// break; until the deadline, or where the store has gone.
Synced AwaitCheckpoint(service::Runtime& runtime, HotParts& hot) {
  constexpr absl::Duration kAskInterval = absl::Seconds(2);
  while (!hot.durability.WaitUntilDurable(absl::ZeroDuration())) {
    const absl::Duration left = runtime.stop_deadline() - runtime.clock().Monotonic();
    if (left <= absl::ZeroDuration()) return Synced::kNotInTime;
    hot.store.RequestCheckpoint();
    if (hot.durability.WaitUntilDurable(std::min(left, kAskInterval))) break;
    if (hot.store.is_failing() || hot.has_store_forgotten) return Synced::kNoStore;
  }
  return Synced::kAll;
}

void LogWhatStays(const CacheFlags& flags, PointJournal& journal, uint64_t left_count,
                  Synced synced) {
  std::string reason;
  if (left_count > 0) {
    reason = absl::StrCat("did not take ", left_count, " of them");
  } else if (synced == Synced::kNoStore) {
    reason = "is away, and had not said that they are on its disk";
  } else if (synced == Synced::kNotInTime) {
    reason = "has them, and did not get them to its disk by --drain-timeout";
  } else {
    return;
  }
  base::LogWarning(absl::StrCat(
      journal.point_count(), " points stay in the journal (", journal.total_bytes() >> 20,
      " MiB) and are replayed at the next start: the store at ", flags.store, " ", reason));
}

// Until SIGTERM; returns when everything is stored or the time is over.
absl::Status ReplayAndServe(const CacheFlags& flags, const topology::Snapshot* snapshot,
                            service::Runtime& runtime, HotParts& hot, IngestService& ingest) {
  const auto found = ReplayAtStart(flags, snapshot, runtime, hot.cache, hot.metrics);
  if (absl::IsCancelled(found.status())) {
    base::LogInfo("stopped while replaying: the journal keeps everything");
    return absl::OkStatus();
  }
  if (!found.ok()) return found.status();
  PLUMBAGO_ASSIGN_OR_RETURN(
      const auto journal,
      PointJournal::Open(runtime.file_system(), runtime.clock(), flags.journal, *found, hot.cache,
                         static_cast<uint64_t>(hot.metrics.points_replayed.Value())));
  JournalCutter cutter(*journal, hot.cache, hot.durability, runtime.clock());
  cutter.Start();
  const auto gauges = runtime.metrics().BeforeScrape([&] {
    hot.metrics.journal_bytes.Set(static_cast<double>(journal->total_bytes()));
    hot.metrics.journal_points.Set(static_cast<double>(journal->point_count()));
  });
  PLUMBAGO_ASSIGN_OR_RETURN(const auto carbonlink,
                            StartCarbonlink(flags, hot.cache, runtime.metrics()));
  // Last: nothing below it can fail while the journal is in use.
  ingest.Open(*journal);
  runtime.health().SetReady();

  runtime.WaitForStop();
  journal->Stop();
  ingest.Drain();
  const uint64_t left_count = hot.flusher.Drain(runtime.stop_deadline());
  hot.flusher.Stop();
  const Synced synced = AwaitCheckpoint(runtime, hot);
  hot.Stop();
  cutter.Stop();
  const absl::Status ended = journal->EndSegment();
  if (!ended.ok()) base::LogWarning(ended.message());
  cutter.CutOnce();
  if (!hot.has_store_forgotten) LogWhatStays(flags, *journal, left_count, synced);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCache(CacheFlags flags, service::Runtime& runtime) {
  PLUMBAGO_RETURN_IF_ERROR(ParseJournalSync(flags.journal_sync, &flags.journal.writer));
  PLUMBAGO_RETURN_IF_ERROR(CompleteCacheOptions(runtime.file_system(), flags));
  flags.flusher.process_bytes = ProcessBytes;
  flags.journal.writer.directory = flags.common.data_dir + "/journal";
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

  HotParts hot(flags, runtime, epoch);
  const auto gauges = runtime.metrics().BeforeScrape([&hot] {
    hot.cache.PublishGauges();
    PublishAllocator(hot.metrics);
  });
  hot.flusher.Start();
  StartGate gate(runtime.health());
  IngestService ingest(hot.cache, hot.metrics, gate, epoch);
  CacheReadService read(hot.cache, hot.refusals, gate, epoch);
  service::LedgerService ledger("cache", runtime.metrics(), runtime.clock(), LedgerRows());
  PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&ingest, &read, &ledger}));
  const absl::Status status = ReplayAndServe(flags, holder.Get().get(), runtime, hot, ingest);
  watcher.Stop();
  runtime.StopGrpc();
  return hot.has_store_forgotten ? StoreHasForgotten(flags) : status;
}

}  // namespace plumbago::cache

#include "cache_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/machine_memory.h"
#include "base/status.h"

namespace plumbago::cache {

namespace {

void AddCarbonlinkFlags(service::CommandLine& line, CarbonlinkOptions& options) {
  line.Add("--carbonlink", options.listen,
           "Address where a graphite-web reads hot points (its CARBONLINK_HOSTS), as in "
           "127.0.0.1:7002; empty: none");
  line.Add("--carbonlink-tenant", options.tenant, "The tenant whose points it reads");
  line.Add("--carbonlink-connections-max", options.connections_max,
           "Connections of carbonlink; further ones are closed "
           "(plumbago_cache_carbonlink_connections)");
  line.AddSwitch("--allow-unauthenticated", options.allow_unauthenticated,
                 "Let --carbonlink listen beyond this machine: it knows no keys");
}

}  // namespace

void AddFlags(service::CommandLine& line, CacheFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.Add("--controller", flags.controller, "gRPC address of the tenant-controller, host:port");
  line.Add("--store", flags.store, "gRPC address of this shard's store, host:port");
  line.AddBytes("--memory-max", flags.memory_max_bytes,
                "Memory of points, names, tables and buffers; from 7/8 of it on tenants over their "
                "share are refused, at the bound all relays have to come again "
                "(plumbago_cache_memory_used_bytes). 0: half of what the control group or the "
                "machine allows");
  line.AddDuration("--flush-age", flags.cache.flush_age,
                   "Age of a series' oldest point at which its points go to the store; more means "
                   "fewer, larger writes, more memory and more to lose in a crash");
  line.AddDuration("--flush-age-new", flags.cache.new_series_flush_age,
                   "The same for a new series, which can be found only when the store has it");
  line.Add("--flush-points", flags.cache.flush_points,
           "Pending points at which a series goes to the store at once")
      ->check(CLI::Range(1, 1 << 20));
  line.Add("--flush-strategy", flags.flush_strategy,
           "Which series go to the store first where it takes less than is due: oldest-first "
           "(carbon's timesorted), naive (carbon's naive and random), max (most points first), "
           "sorted (the same, in rounds)");
  line.Add("--updates-per-second-max", flags.cache.updates_per_second_max,
           "Series written to the store per second at most, as carbon's MAX_UPDATES_PER_SECOND; "
           "what exceeds it waits here, in memory and journal. 0: no limit. An orderly stop knows "
           "no limit")
      ->check(CLI::NonNegativeNumber);
  line.Add("--creates-per-second-max", flags.cache.creates_per_second_max,
           "Of these, series that this process has not written before, which may be new to the "
           "store, as carbon's MAX_CREATES_PER_MINUTE / 60. 0: no limit")
      ->check(CLI::NonNegativeNumber);
  line.AddDuration("--flush-linger", flags.cache.flush_linger,
                   "How long points stay readable here after the store has them; keep it above "
                   "the longest query");
  line.Add(
      "--journal-sync", flags.journal_sync,
      "When acknowledged points are on the disk: batch (before the acknowledgement), "
      "interval:DURATION (a power cut costs that much), never (the kernel decides). A crash of "
      "the process costs nothing in any case");
  line.AddBytes(
      "--journal-bytes-max", flags.journal.bytes_max,
      "Size of the journal; relays wait above it (plumbago_cache_journal_bytes). It holds "
      "what the store has not synced");
  line.AddBytes("--journal-segment-bytes", flags.journal.writer.segment_bytes_max,
                "Size of one file of the journal; it is removed as a whole");
  line.AddSwitch(
      "--salvage", flags.is_salvage,
      "Start although the journal is damaged, with what is intact; the log names what is "
      "left out");
  line.Add("--flush-batches", flags.flusher.batches_in_flight_max,
           "Batches on the way to the store at a time")
      ->check(CLI::Range(1, 64));
  AddCarbonlinkFlags(line, flags.carbonlink);
}

absl::Status CompleteCacheOptions(base::FileSystem& file_system, CacheFlags& flags) {
  constexpr size_t kWhereNothingIsKnown = size_t{1} << 30;
  flags.cache.memory_bytes_max = flags.memory_max_bytes;
  if (flags.memory_max_bytes == 0) {
    const uint64_t limit_bytes = base::MemoryLimitBytes(file_system);
    flags.cache.memory_bytes_max = limit_bytes == 0 ? kWhereNothingIsKnown : limit_bytes / 2;
  }
  if (ParseFlushStrategy(flags.flush_strategy, &flags.cache.flush_strategy)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--flush-strategy \"", base::Excerpt(flags.flush_strategy),
                   "\" is none of oldest-first, naive, max and sorted"));
}

absl::Status ParseJournalSync(absl::string_view text, journal::WriterOptions* options) {
  if (text == "batch") {
    options->sync = journal::SyncPolicy::kBatch;
    return absl::OkStatus();
  }
  if (text == "never") {
    options->sync = journal::SyncPolicy::kNever;
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&text, "interval:") &&
      absl::ParseDuration(text, &options->sync_interval) &&
      options->sync_interval > absl::ZeroDuration()) {
    options->sync = journal::SyncPolicy::kInterval;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--journal-sync \"", base::Excerpt(text),
                   "\" is none of batch, never and interval:DURATION, as in interval:1s"));
}

}  // namespace plumbago::cache

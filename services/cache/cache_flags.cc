#include "cache_flags.h"

namespace plumbago::cache {

void AddFlags(service::CommandLine& line, CacheFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.Add("--controller", flags.controller, "gRPC address of the tenant-controller, host:port");
  line.Add("--store", flags.store, "gRPC address of this shard's store, host:port");
  line.AddBytes("--memory-max", flags.cache.memory_bytes_max,
                "Memory of points and names; at the bound relays have to wait "
                "(plumbago_cache_memory_bytes)");
  line.AddDuration("--flush-age", flags.cache.flush_age,
                   "Age of a series' oldest point at which its points go to the store; more means "
                   "fewer, larger writes, more memory and more to lose in a crash");
  line.AddDuration("--flush-age-new", flags.cache.new_series_flush_age,
                   "The same for a new series, which can be found only when the store has it");
  line.Add("--flush-points", flags.cache.flush_points,
           "Pending points at which a series goes to the store at once")
      ->check(CLI::Range(1, 1 << 20));
  line.AddDuration("--flush-linger", flags.cache.flush_linger,
                   "How long points stay readable here after the store has them; keep it above "
                   "the longest query");
  line.Add("--flush-batches", flags.flusher.batches_in_flight_max,
           "Batches on the way to the store at a time")
      ->check(CLI::Range(1, 64));
}

}  // namespace plumbago::cache

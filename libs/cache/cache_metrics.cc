#include "cache/cache_metrics.h"

namespace plumbago::cache {

CacheMetrics::CacheMetrics(base::Metrics& metrics)
    : points_received(
          metrics.AddCounter("plumbago_points_received_total",
                             "Points taken from relays, dropped ones included; what there "
                             "is no memory for stays theirs",
                             {{"service", "cache"}})),
      points_stored(metrics.AddCounter("plumbago_cache_points_stored_total",
                                       "Points that the store has applied")),
      points_replayed(metrics.AddCounter("plumbago_cache_points_replayed_total",
                                         "Points taken from the journal at the start")),
      points_merged(metrics.AddCounter("plumbago_cache_points_merged_total",
                                       "Points left out because a later arrival of their time was "
                                       "here, or they themselves were")),
      batches_received(metrics.AddCounter("plumbago_cache_batches_received_total",
                                          "Batches accepted from relays")),
      flush_batches(
          metrics.AddCounter("plumbago_cache_flush_batches_total", "Batches written to the store")),
      flush_batches_resent(
          metrics.AddCounter("plumbago_cache_flush_batches_resent_total",
                             "Batches written to the store again after a broken stream")),
      flush_points_resent(
          metrics.AddCounter("plumbago_cache_flush_points_resent_total",
                             "Their points: the store may have received so many twice")),
      flushed_series(metrics.AddCounter(
          "plumbago_cache_flushed_series_total",
          "Series in batches to the store; points per write = points_stored / flushed_series")),
      waits_for_memory(
          metrics.AddCounter("plumbago_cache_waits_for_memory_total",
                             "Times a relay had to wait because --memory-max was reached")),
      points_pending(metrics.AddGauge("plumbago_cache_points_pending",
                                      "Points that the store does not have yet; the journal has "
                                      "them")),
      points_in_memory(metrics.AddGauge("plumbago_cache_points_in_memory",
                                        "Points in memory, stored ones that linger included")),
      series(metrics.AddGauge("plumbago_cache_series", "Series in memory")),
      memory_bytes(metrics.AddGauge("plumbago_cache_memory_bytes",
                                    "Memory of points, names, tables and batches, as the cache "
                                    "counts it")),
      memory_used_bytes(metrics.AddGauge("plumbago_cache_memory_used_bytes",
                                         "What --memory-max bounds: the same, and what else the "
                                         "process has allocated")),
      allocated_bytes(metrics.AddGauge("plumbago_cache_allocator_allocated_bytes",
                                       "What the allocator has handed out, as it counts itself")),
      active_bytes(metrics.AddGauge("plumbago_cache_allocator_active_bytes",
                                    "The pages that this is on: fragmentation included")),
      memory_bytes_max(
          metrics.AddGauge("plumbago_cache_memory_bytes_max", "The bound, --memory-max")),
      journal_bytes(metrics.AddGauge("plumbago_cache_journal_bytes",
                                     "Size of the journal, bounded by --journal-bytes-max")),
      journal_points(metrics.AddGauge("plumbago_cache_journal_points", "Points in the journal")),
      metrics_(metrics) {}

base::Counter& CacheMetrics::dropped(const std::string& tenant, const std::string& reason) {
  return metrics_.AddCounter("plumbago_points_dropped_total", "Points that were lost, by reason",
                             {{"service", "cache"}, {"tenant", tenant}, {"reason", reason}});
}

base::Counter& CacheMetrics::refused_for_memory(const std::string& tenant,
                                                const std::string& reason) {
  return metrics_.AddCounter("plumbago_cache_points_refused_for_memory_total",
                             "Points that a relay was told to bring again later",
                             {{"tenant", tenant}, {"reason", reason}});
}

base::Counter& CacheMetrics::refused_by_store(const std::string& tenant,
                                              const std::string& reason) {
  return metrics_.AddCounter("plumbago_cache_points_refused_by_store_total",
                             "Points that the store refused for good, by its reason",
                             {{"tenant", tenant}, {"reason", reason}});
}

}  // namespace plumbago::cache

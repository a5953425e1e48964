#include "store/store_metrics.h"

namespace plumbago::store {

StoreMetrics::StoreMetrics(base::Metrics& registry)
    : metrics(registry),
      points_received(registry.AddCounter("plumbago_points_received_total",
                                          "Points taken from caches, refused ones included",
                                          {{"service", "store"}})),
      points_stored(registry.AddCounter("plumbago_store_points_stored_total",
                                        "Points written to whisper files")),
      points_returned(registry.AddCounter("plumbago_store_points_returned_total",
                                          "Points that the disk refused, and that their cache "
                                          "keeps and sends again")),
      series_created(
          registry.AddCounter("plumbago_store_series_created_total", "Whisper files created")),
      series_updates(registry.AddCounter("plumbago_store_series_updates_total",
                                         "Updates of whisper files, many points each")),
      write_failures(registry.AddCounter("plumbago_store_write_failures_total",
                                         "Updates that the disk refused; the sender may retry")),
      series_fetched(
          registry.AddCounter("plumbago_store_series_fetched_total", "Series read for queries")),
      index_failures(registry.AddCounter("plumbago_store_index_failures_total",
                                         "Changes that the index refused; the next scan repeats "
                                         "them")),
      open_files(registry.AddGauge("plumbago_store_open_files",
                                   "Whisper files held open; bounded by --open-files-max")),
      queued_bytes(registry.AddGauge("plumbago_store_queued_bytes",
                                     "Points accepted and not yet in their files; bounded by "
                                     "--session-bytes-max for each stream")),
      queued_points(registry.AddGauge("plumbago_store_queued_points",
                                      "Points accepted and not yet in their files")),
      series(registry.AddGauge("plumbago_store_series", "Series in the index")),
      checkpoint_seconds(registry.AddHistogram("plumbago_store_checkpoint_seconds",
                                               "Time to sync the file system",
                                               {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100})),
      scan_seconds(registry.AddHistogram("plumbago_store_scan_seconds",
                                         "Time to walk the tree for files of other tools",
                                         {0.01, 0.1, 1, 10, 100, 1000})) {}

base::Gauge& StoreMetrics::damaged_files(absl::string_view reason) {
  return metrics.AddGauge("plumbago_store_damaged_files",
                          "Whisper files that cannot be used and are left alone",
                          {{"reason", std::string(reason)}});
}

base::Counter& StoreMetrics::files_mended(absl::string_view how) {
  return metrics.AddCounter(
      "plumbago_store_files_mended_total",
      "Whisper files that a power cut had left unfinished: too short, or without content",
      {{"how", std::string(how)}});
}

void StoreMetrics::CountDropped(absl::string_view tenant, absl::string_view reason,
                                size_t point_count) {
  metrics
      .AddCounter(
          "plumbago_points_dropped_total", "Points that are gone",
          {{"service", "store"}, {"tenant", std::string(tenant)}, {"reason", std::string(reason)}})
      .Increment(static_cast<double>(point_count));
}

void StoreMetrics::CountRefused(absl::string_view tenant) {
  metrics
      .AddCounter("plumbago_store_series_refused_total",
                  "New series that a quota refused, each as often as it was tried",
                  {{"tenant", std::string(tenant)}})
      .Increment();
}

}  // namespace plumbago::store

#include "relay/spool_metrics.h"

namespace plumbago::relay {

SpoolMetrics::SpoolMetrics(base::Metrics& metrics, const std::string& shard)
    : bytes(metrics.AddGauge("plumbago_relay_spool_bytes", "Bytes of a shard's spool on the disk",
                             {{"shard", shard}})),
      segments(metrics.AddGauge("plumbago_relay_spool_segments", "Files of a shard's spool",
                                {{"shard", shard}})),
      oldest_age_seconds(metrics.AddGauge(
          "plumbago_relay_spool_oldest_age_seconds",
          "Seconds since the arrival of the oldest point in a shard's spool; 0 while it is empty",
          {{"shard", shard}})),
      points_spooled(metrics.AddCounter("plumbago_relay_points_spooled_total",
                                        "Points written to a shard's spool", {{"shard", shard}})),
      points_replayed(metrics.AddCounter(
          "plumbago_relay_points_replayed_total",
          "Points of a shard's spool that the shard has accepted; some twice after an interruption",
          {{"shard", shard}})),
      points_rerouted(metrics.AddCounter(
          "plumbago_relay_points_rerouted_total",
          "Points of a shard's spool that were given to the spools of their new owners",
          {{"shard", shard}})),
      segments_damaged(metrics.AddCounter(
          "plumbago_relay_spool_segments_damaged_total",
          "Files of a shard's spool that were set aside as *.damaged", {{"shard", shard}})),
      write_failures(metrics.AddCounter("plumbago_relay_spool_write_failures_total",
                                        "Batches that could not be written at the first attempt",
                                        {{"shard", shard}})) {
  static constexpr std::array<const char*, kSpoolStateCount> kWords = {"up", "down", "replaying"};
  for (size_t i = 0; i < kSpoolStateCount; ++i) {
    states[i] = &metrics.AddGauge("plumbago_relay_shard_state",
                                  "1 for the state that a shard is in, as this relay sees it",
                                  {{"shard", shard}, {"state", kWords[i]}});
  }
}

void SpoolMetrics::SetState(SpoolState state) {
  for (size_t i = 0; i < kSpoolStateCount; ++i) {
    states[i]->Set(i == static_cast<size_t>(state) ? 1 : 0);
  }
}

}  // namespace plumbago::relay

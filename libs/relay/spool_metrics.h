// The gauges and counters of one destination's spool: plumbago_relay_spool_bytes{shard} and the
// like for a shard, plumbago_relay_destination_spool_bytes{destination} for a foreign endpoint.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/metrics.h"
#include "relay/spool_destination.h"

namespace plumbago::relay {

// The state of a destination as the relay sees it. The words are label values: never change one.
enum class SpoolState {
  kUp,
  kDown,           // or slow: what arrives for it goes to the spool
  kReplaying,      // up, and its spool is not empty
  kNotConfigured,  // of endpoints only: its spool is kept for when it comes back
};
inline constexpr size_t kSpoolStateCount = 4;

struct SpoolMetrics {
  // Those of a destination that has some already are the same.
  static SpoolMetrics Make(base::Metrics& metrics, const SpoolDestination& destination);

  void SetState(SpoolState state);

  base::Gauge& bytes;
  base::Gauge& segments;
  base::Gauge& oldest_age_seconds;
  base::Counter& points_spooled;
  base::Counter& points_replayed;
  base::Counter& points_rerouted;  // of an endpoint always 0
  base::Counter& segments_damaged;
  base::Counter& write_failures;
  std::array<base::Gauge*, kSpoolStateCount> states;
};

}  // namespace plumbago::relay

// The gauges and counters of one shard's spool.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/metrics.h"

namespace plumbago::relay {

// The state of a shard as the relay sees it. The words are label values: never change one.
enum class SpoolState {
  kUp,
  kDown,       // or slow: what arrives for it goes to the spool
  kReplaying,  // up, and its spool is not empty
};
inline constexpr size_t kSpoolStateCount = 3;

struct SpoolMetrics {
  // Those of a shard that has some already are the same.
  SpoolMetrics(base::Metrics& metrics, const std::string& shard);

  void SetState(SpoolState state);

  base::Gauge& bytes;
  base::Gauge& segments;
  base::Gauge& oldest_age_seconds;
  base::Counter& points_spooled;
  base::Counter& points_replayed;
  base::Counter& points_rerouted;
  base::Counter& segments_damaged;
  base::Counter& write_failures;
  std::array<base::Gauge*, kSpoolStateCount> states;
};

}  // namespace plumbago::relay

// What the relay writes about itself (docs/own_metrics.md), read from its counters.
//
// SetSlotMap is thread-safe, Collect belongs to one thread.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "foreign_senders.h"
#include "relay/own_metrics.h"
#include "relay/relay_metrics.h"
#include "relay/spool_destination.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

class RelayCollector {
 public:
  enum class Spools { kNone, kOfDestinations };
  // All of them outlive the collector.
  RelayCollector(base::Clock& clock, base::Metrics& registry, RelayMetrics& metrics,
                 ForeignSenders& foreign, Spools spools);

  // The shards to report on.
  void SetSlotMap(std::shared_ptr<const topology::SlotMap> map);

  void Collect(OwnMetricsReport& report);

 private:
  void CollectPoints(OwnMetricsReport& report);
  void CollectShards(OwnMetricsReport& report);
  void CollectForeign(OwnMetricsReport& report);
  void CollectSpool(const SpoolDestination& destination, const std::string& place,
                    OwnMetricsReport& report);
  void CollectProcess(OwnMetricsReport& report);

  base::Clock& clock_;
  base::Metrics& registry_;
  RelayMetrics& metrics_;
  ForeignSenders& foreign_;
  const Spools spools_;
  absl::Duration collected_at_;  // monotonic
  absl::Duration cpu_time_;      // then

  base::Mutex mutex_;
  std::shared_ptr<const topology::SlotMap> map_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay

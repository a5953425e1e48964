// Brings what the aggregator emits back into the relay, once a second, and keeps its metrics. What
// is not emitted when the relay stops goes on as it is: nothing of it survives a restart.
//
// On the thread of the internal source. Points that the aggregator refuses are counted where they
// arrive (aggregate_late, aggregate_too_early, aggregate_no_memory).
#pragma once

#include <memory>
#include <vector>

#include "base/metrics.h"
#include "relay/internal_source.h"
#include "routing/aggregator.h"

namespace plumbago::relay {

class Aggregation final : public PointProducer {
 public:
  // `aggregator` is shared with the routers, which feed it.
  Aggregation(std::shared_ptr<routing::Aggregator> aggregator, base::Metrics& metrics);

  void Produce(Turn turn, InternalSink& sink) override;

  // After a reload: outputs of rules that stay go on, the others are given to `sink`, whose router
  // still follows the rules before. Nobody feeds by those any more.
  void Keep(const std::vector<std::shared_ptr<const routing::AggregateSpec>>& specs,
            InternalSink& sink);

 private:
  void GiveAll(const std::vector<routing::Aggregator::Emission>& emissions, InternalSink& sink);
  void Publish();

  const std::shared_ptr<routing::Aggregator> aggregator_;
  base::Counter& points_added_;
  base::Counter& points_emitted_;
  base::Gauge& memory_bytes_;
  base::Gauge& outputs_;
  routing::Aggregator::Counts published_;
};

}  // namespace plumbago::relay

#include "relay/aggregation.h"

#include <utility>

#include "relay/aggregate_key.h"

namespace plumbago::relay {

Aggregation::Aggregation(std::shared_ptr<routing::Aggregator> aggregator, base::Metrics& metrics)
    : aggregator_(std::move(aggregator)),
      points_added_(metrics.AddCounter("plumbago_relay_aggregator_points_added_total",
                                       "Points that went into the outputs of aggregation rules")),
      points_emitted_(metrics.AddCounter("plumbago_relay_aggregator_points_emitted_total",
                                         "Points that aggregation rules have given")),
      memory_bytes_(metrics.AddGauge("plumbago_relay_aggregator_bytes",
                                     "Memory of open buckets; bounded by --aggregator-memory-max")),
      outputs_(metrics.AddGauge("plumbago_relay_aggregator_outputs",
                                "Outputs of aggregation rules with open buckets")) {}

void Aggregation::Produce(Turn turn, InternalSink& sink) {
  GiveAll(aggregator_->TakeDue(), sink);
  if (turn == Turn::kLast) GiveAll(aggregator_->TakeAll(), sink);
  Publish();
}

void Aggregation::Keep(const std::vector<std::shared_ptr<const routing::AggregateSpec>>& specs,
                       InternalSink& sink) {
  GiveAll(aggregator_->Keep(specs), sink);
}

void Aggregation::GiveAll(const std::vector<routing::Aggregator::Emission>& emissions,
                          InternalSink& sink) {
  for (const routing::Aggregator::Emission& emission : emissions) {
    const TenantMetric name = SplitAggregateKey(emission.name);
    // Its points had timestamps of 32 bits; an end of the last bucket may lie beyond.
    if (emission.timestamp < 0 || emission.timestamp > UINT32_MAX) continue;
    sink.GiveAggregate(*emission.spec, {.tenant = name.tenant,
                                        .metric = name.metric,
                                        .time_seconds = static_cast<uint32_t>(emission.timestamp),
                                        .value = emission.value});
  }
}

void Aggregation::Publish() {
  const routing::Aggregator::Counts counts = aggregator_->counts();
  points_added_.Increment(static_cast<double>(counts.added - published_.added));
  points_emitted_.Increment(static_cast<double>(counts.emitted - published_.emitted));
  published_ = counts;
  memory_bytes_.Set(static_cast<double>(aggregator_->memory_bytes()));
  outputs_.Set(static_cast<double>(aggregator_->output_count()));
}

}  // namespace plumbago::relay

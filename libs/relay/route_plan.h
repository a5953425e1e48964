// What becomes of the points of a series for which the rules want more than our shards: foreign
// endpoints, aggregation, checks of the data, or nothing at all.
//
// Kept apart from the series table, so that series that go to our shards only pay nothing for it.
// For one thread. Bounded by the router, which forgets the plans with the names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "relay/drop_reason.h"
#include "routing/route_table.h"

namespace plumbago::relay {

struct PlanTarget {
  static constexpr uint32_t kNoGroup = UINT32_MAX;

  routing::DataChecks required = 0;  // only points that pass all of these
  uint32_t series_id = 0;            // in the lane
  uint32_t group = kNoGroup;         // of the route table, where another host may stand in
  uint16_t lane = 0;
  bool is_refused = false;  // its points cannot be sent there, see `refusal`
  DropReason refusal{};
};

struct PlanFeed {
  routing::DataChecks required = 0;
  uint32_t output = 0;      // of the plans
  bool is_refused = false;  // the output's name is not valid
  DropReason refusal{};
};

// Points of these names become one, see Aggregation.
struct AggregateOutput {
  std::shared_ptr<const routing::AggregateSpec> spec;  // shared with the route table
  std::string key;                                     // AggregateKey of tenant and name
};

struct RoutePlan {
  uint32_t first_target = 0;
  uint32_t first_feed = 0;
  uint16_t target_count = 0;
  uint16_t feed_count = 0;
  routing::DataChecks checks = 0;  // to be tried on each point
  // Of points that nothing takes: the verdict of the rules, or that no check was passed.
  DropReason drop_reason = DropReason::kInvalidData;
};

class RoutePlans {
 public:
  const RoutePlan& at(uint32_t plan) const { return plans_[plan]; }
  absl::Span<const PlanTarget> targets(const RoutePlan& plan) const {
    return absl::MakeConstSpan(targets_).subspan(plan.first_target, plan.target_count);
  }
  absl::Span<const PlanFeed> feeds(const RoutePlan& plan) const {
    return absl::MakeConstSpan(feeds_).subspan(plan.first_feed, plan.feed_count);
  }
  const AggregateOutput& output(uint32_t index) const { return outputs_[index]; }

  // Return the plan's number, from 1; kNoPlan of the series table is 0.
  uint32_t Add(const std::vector<PlanTarget>& targets, const std::vector<PlanFeed>& feeds,
               routing::DataChecks checks);
  // One plan for all series that are refused for the same reason.
  uint32_t Refuse(DropReason reason);

  // `aggregate` is the spec's index in the route table.
  uint32_t OutputOf(uint32_t aggregate, const std::shared_ptr<const routing::AggregateSpec>& spec,
                    std::string key);

  void Clear();
  size_t memory_bytes() const;

 private:
  std::vector<RoutePlan> plans_{RoutePlan{}};
  std::vector<PlanTarget> targets_;
  std::vector<PlanFeed> feeds_;
  std::vector<AggregateOutput> outputs_;
  absl::flat_hash_map<std::pair<uint32_t, std::string>, uint32_t> output_index_;
  size_t output_bytes_ = 0;
  absl::flat_hash_map<DropReason, uint32_t> refusals_;
};

}  // namespace plumbago::relay

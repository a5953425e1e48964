// Decides, once for each new name, where its points go: by the rules and the slot map.
//
//   name -> RouteTable::Decide -> names it is sent as -> slot, shards | endpoints | aggregates
//                              -> a route in the series table, or a plan where a route is not
//                              enough
//
// What the rules refuse is learnt too, so that it costs a look-up from then on. For one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "relay/drop_reason.h"
#include "relay/lane_set.h"
#include "relay/route_plan.h"
#include "relay/series_table.h"
#include "routing/route_table.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

// Which tenants the rules apply to; the points of the others go to our shards by their own names.
class RulesTenants {
 public:
  // `texts` are ids, or "*" for all.
  explicit RulesTenants(const std::vector<std::string>& texts)
      : ids_(texts.begin(), texts.end()), covers_all_(ids_.contains("*")) {}

  bool Covers(absl::string_view tenant) const { return covers_all_ || ids_.contains(tenant); }

 private:
  const absl::flat_hash_set<std::string> ids_;
  const bool covers_all_;
};

struct LearnerOptions {
  RulesTenants rules_tenants;
};

// Where a point of several replicas goes besides the first.
struct RouteTarget {
  uint16_t lane;
  uint32_t series_id;
};

class SeriesLearner {
 public:
  // `table` and `lanes` must outlive the learner.
  SeriesLearner(const LearnerOptions& options, SeriesTable& table, LaneSet& lanes);
  ~SeriesLearner();

  // Both after the lanes have been told, with the names forgotten.
  void SetSlotMap(std::shared_ptr<const topology::SlotMap> map) { map_ = std::move(map); }
  // Null is no rules.
  void SetRouteTable(std::shared_ptr<const routing::RouteTable> rules);

  const routing::RouteTable& rules() const { return *rules_; }
  const std::shared_ptr<const topology::SlotMap>& map() const { return map_; }
  bool has_shards() const { return map_ != nullptr && !map_->shards().empty(); }
  // Whether anything can be learnt without a slot map.
  bool needs_shards() const { return needs_shards_; }

  struct Series {
    absl::string_view tenant;                         // lives as long as the router
    absl::string_view metric;                         // as received
    absl::string_view canonical;                      // valid
    size_t name_bytes_max = metric::kMetricBytesMax;  // of the tenant
    const routing::AggregateSpec* spec = nullptr;     // of what the aggregator emits
  };
  // A decision without names is that of a tenant whom the rules do not concern.
  routing::Decision Decide(const Series& series) const;
  bool HasRulesFor(absl::string_view tenant) const {
    return has_rules_ && options_.rules_tenants.Covers(tenant);
  }

  // Adds the series to the table. Null, and the reason, where it has nowhere to go for now: it is
  // then not in the table.
  const Route* Learn(const Series& series, const NameHash& hash, const routing::Decision& decision,
                     DropReason* why);

  // A new number in each lane to the active shards of a metric, without the rules.
  bool AddShardTargets(absl::string_view tenant, absl::string_view canonical,
                       std::vector<RouteTarget>* targets);

  const RoutePlans& plans() const { return plans_; }
  // Of a route with several replicas, those behind the first.
  absl::Span<const RouteTarget> more_targets(const Route& route) const {
    return absl::MakeConstSpan(more_targets_).subspan(route.more_targets, route.replica_count - 1u);
  }

  // The lane to deliver to now: the target's own, or one that stands in for it while it is down.
  PlanTarget StandInFor(const PlanTarget& target);

  // Names as received that the rules have decided about, the first kReceivedMax of them. Null
  // without rules: the names in the lanes are the same then.
  std::shared_ptr<const NameTable> received_names() const { return received_; }
  static constexpr uint32_t kReceivedMax = 250'000;

  void ForgetNames();
  size_t memory_bytes() const;

 private:
  struct Group {
    routing::OnFailure on_failure;
    std::vector<uint16_t> lanes;
  };
  struct Plan {
    std::vector<PlanTarget> targets;
    std::vector<PlanFeed> feeds;
    bool has_no_shard = false;  // of a slot
  };

  const Route* LearnForShards(const Series& series, const NameHash& hash,
                              const routing::Decision& decision, DropReason* why);
  const Route* InsertRoute(const NameHash& hash, const std::vector<RouteTarget>& targets);
  const Route* InsertPlan(const NameHash& hash, uint32_t plan);
  bool IsForShardsOnly(const routing::Decision& decision) const;
  void AddSend(const Series& series, const routing::Decision& decision,
               const routing::Decision::Send& send, Plan* plan);
  void AddFeed(const Series& series, const routing::Decision::Feed& feed, Plan* plan);
  // The canonical form of a name that the rules made, in scratch_. A value: it is not valid.
  std::optional<DropReason> Check(const Series& series, absl::string_view name);
  bool CanBeWritten(absl::string_view name, const routing::Endpoint& endpoint) const;

  const LearnerOptions options_;
  SeriesTable& table_;
  LaneSet& lanes_;
  std::shared_ptr<const topology::SlotMap> map_;
  std::shared_ptr<const routing::RouteTable> rules_;  // shared by all routers
  bool has_rules_ = false;
  bool needs_shards_ = true;
  std::vector<Group> groups_;  // as in rules_
  RoutePlans plans_;
  std::vector<RouteTarget> more_targets_;  // of routes with several replicas
  std::shared_ptr<NameTable> received_;    // shared with who reads it; see received_names()
  std::string scratch_;
};

}  // namespace plumbago::relay

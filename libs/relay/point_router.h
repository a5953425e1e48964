// The middle of a relay: points in, batches per shard out. One per reactor, used on its thread
// only.
//
//   lines -> parse -> hash -> series table -> open batch of a lane -> BatchStream
//   points of other protocols ->
//
// A name that is not in the table is checked, and the rules and the slot map decide about it
// (series_learner.h). When the names outgrow their bound or rules or slot map change, all of them
// are forgotten and learnt again. Batches leave when full or `batch_delay` old (lane_set.h).
//
// A shard that is down or slow gets its batches through a spool, where there is one. The caller
// stops feeding while is_backlogged(): the router holds at most `in_flight_bytes_max`, plus what
// one read from a socket adds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "metric/line_parser.h"
#include "relay/lane_set.h"
#include "relay/line_cutter.h"
#include "relay/relay_metrics.h"
#include "relay/router_factories.h"
#include "relay/series_learner.h"
#include "relay/series_table.h"
#include "relay/source.h"
#include "relay/tenant_table.h"
#include "relay/traffic.h"
#include "routing/aggregator.h"
#include "routing/route_table.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

struct RouterOptions {
  std::string tenant = "default";  // of sources that nothing else is known of; empty: refused
  std::shared_ptr<TenantLimiters> limiters;  // of the process, shared by its routers; may be null
  size_t name_bytes_max = metric::kMetricBytesMax;  // of tenants without a limit of their own
  size_t batch_points_max = 8192;
  absl::Duration batch_delay = absl::Milliseconds(50);
  size_t dictionary_bytes_max = size_t{512} << 20;
  // Of batches that no shard has accepted; each shard may use an equal part.
  size_t in_flight_bytes_max = size_t{96} << 20;
  absl::Duration stall_timeout =
      absl::Seconds(2);  // a shard that takes nothing for so long is down
  // Whose points the rules apply to: ids, or "*"; empty: those of `tenant`.
  std::vector<std::string> rules_tenants = {};
  ForeignFull foreign_full = ForeignFull::kDrop;
  // In force from the start, see SetRouteTable.
  std::shared_ptr<const routing::RouteTable> rules = nullptr;
  // Of the process, shared by its routers; needed by rules that aggregate.
  std::shared_ptr<routing::Aggregator> aggregator = nullptr;
  std::shared_ptr<Traffic> traffic = nullptr;  // of the process; null: nobody asks who sends what
};

class PointRouter {
 public:
  // `metrics` and `clock` must outlive the router.
  PointRouter(const RouterOptions& options, base::Clock& clock, RelayMetrics& metrics,
              RouterFactories factories);
  ~PointRouter();

  // From here on points go where `map` says. Without a map (or with an empty one) the router is
  // backlogged. What a shard has not accepted when it leaves the map goes to the new owners.
  void SetSlotMap(std::shared_ptr<const topology::SlotMap> map);

  // From here on `rules` decide; null is none: all points go to our shards. Endpoints that are in
  // the rules before and after keep what they hold. What those that left hold goes to their spools,
  // or is counted as destination_removed.
  void SetRouteTable(std::shared_ptr<const routing::RouteTable> rules);

  // Slot map, tenants, keys and limits.
  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // The number of a tenant, for Source; the same for the life of the router.
  TenantIndex TenantOf(absl::string_view tenant) { return tenants_.IndexOf(tenant); }

  const std::string& NameOf(TenantIndex tenant) { return tenants_.at(tenant).id; }
  // Whether the tenant exists and may write.
  bool IsAdmitted(TenantIndex tenant) { return tenants_.at(tenant).is_admitted; }

  // Of the tenant itself; see TenantState.
  std::optional<uint64_t> ConnectionsMaxOf(TenantIndex tenant) {
    return tenants_.at(tenant).connections_max;
  }

  // Whether names may begin with a key.
  bool has_keys() const { return tenants_.has_keys(); }

  // Whose points come next. The default tenant's lines at first.
  void SetSource(const Source& source);

  // For points whose sender cannot wait: from kRefuse on, those for shards that have neither memory
  // nor a spool left are refused and counted. Call it again when the backlog may have changed.
  void SetFullLanes(FullLanes mode);

  // The sink of LineCutter.
  void OnLines(absl::Span<const absl::string_view> lines);
  void OnLongLine(absl::string_view head);

  // A point that is decoded already. A value: why it was not taken.
  std::optional<DropReason> OnPoint(absl::string_view metric, uint32_t time_seconds, double value);
  // A point that the aggregator emits, for the tenant of SetSource. `spec` is one of the rules that
  // are in force.
  std::optional<DropReason> OnAggregate(const routing::AggregateSpec& spec,
                                        absl::string_view metric, uint32_t time_seconds,
                                        double value);
  // Counts what a decoder refused.
  void OnRefused(DropReason reason, absl::string_view excerpt);

  // While it is set, batches are opened for one sender, who waits for them: set it before his
  // points, Flush() and reset it after them.
  // Foreign endpoints are not waited for.
  void SetDelivery(std::shared_ptr<Delivery> delivery) { lanes_.SetDelivery(std::move(delivery)); }

  // Points refused so far because of their key; a listener closes who sends many.
  uint64_t unknown_key_count() const { return unknown_key_count_; }

  // Sends batches that are old enough, looks after the shards and publishes the counters. Call at
  // least each batch_delay.
  void Tick();

  // Sends every open batch now.
  void Flush();

  // May begin to bring the batches of a slow shard to its spool.
  Backlog backlog();
  bool is_backlogged() { return backlog() != Backlog::kNone; }

  // Gives everything that is not accepted to the spools. What is left then in
  // unacknowledged_bytes() has none.
  void SpoolEverything();

  // Open batches included.
  size_t unacknowledged_bytes() const { return lanes_.unacknowledged_bytes(); }
  size_t known_series() const { return table_.size(); }

  // Names that points have come by since the names were forgotten last, at most
  // SeriesLearner::kReceivedMax with rules. Other threads may read the entries below `count`.
  struct LiveNames {
    std::shared_ptr<const NameTable> names;  // shared with the router, which appends
    uint32_t count = 0;
  };
  std::vector<LiveNames> live_names() const;

  // For explanations; see explain.h.
  const SeriesLearner& learner() const { return learner_; }
  const LaneSet& lanes() const { return lanes_; }

 private:
  struct Pending {
    metric::ParsedLine line;
    NameHash hash;
    TenantState* tenant;
    bool is_expected;  // the series that comes behind the last one in the table
  };

  Pending DecodedPoint(absl::string_view metric, uint32_t time_seconds, double value);
  // Fills `pending`, and returns how many of the lines are points.
  size_t Parse(absl::Span<const absl::string_view> lines, Pending* pending);
  // Counts a point. False where it was refused.
  bool Take(const Pending& pending);
  // Cuts a key off the name. False where it is not valid (and the point was counted).
  bool ResolveKey(Pending& pending);
  // Asks the limiter for more. False where the tenant has to wait or may not write (counted).
  bool Refill(const Pending& pending);
  // Null where the point has to be refused (and was counted).
  const Route* Learn(const Pending& pending, const routing::AggregateSpec* spec = nullptr);
  bool CheckName(const Pending& pending);
  bool TakeSeries(const Pending& pending);
  void MakeRoomForNames();
  void ForgetNames();
  void ForgetNamesIfAsked(absl::Duration now);
  // Where lanes may be full, to the ones that are not. False where nothing has taken the point.
  bool Deliver(const Route& route, const Pending& pending);
  void Append(const Route& route, const metric::ParsedLine& line);
  bool DeliverToTarget(const PlanTarget& target, const Pending& pending);
  bool FollowPlan(const RoutePlan& plan, const Pending& pending);
  bool Feed(const PlanFeed& feed, const Pending& pending);
  std::string DataOf(const Pending& pending) const;
  using HomelessTargets =
      absl::flat_hash_map<std::pair<const NameTable*, uint32_t>, std::vector<RouteTarget>>;
  void Reroute(const std::vector<std::unique_ptr<Batch>>& homeless);
  // False where some points were dropped, and counted.
  bool RerouteBatch(const Batch& batch, HomelessTargets& known);
  void CountRemoved(const std::vector<std::unique_ptr<Batch>>& batches);
  void CountReceived(TenantState& tenant, uint64_t count);
  void Drop(TenantState& tenant, DropReason reason, absl::string_view line);
  // For Traffic::Top.
  void ObserveLines(absl::Span<const absl::string_view> lines, const Pending* pending,
                    size_t count);
  void ObservePoint(const TenantState& tenant, absl::string_view metric);
  void ObserveNewSeries(const TenantState& tenant);
  Sample SampleOf(const TenantState& tenant, absl::string_view metric);
  void MarkDirty(TenantState& tenant);
  void PublishCounters();
  void Publish(TenantState& tenant);
  void PublishHeld();
  void LogDrops();

  const RouterOptions options_;
  base::Clock& clock_;
  RelayMetrics& metrics_;
  const uint64_t hash_seed_;

  TenantTable tenants_;  // before the lanes: their names point into it
  TenantState* tenant_;  // of what comes next
  Protocol protocol_ = Protocol::kPlaintext;
  bool is_tenant_certain_ = false;
  Sender sender_;
  const std::shared_ptr<TrafficSampler> traffic_;  // shared with Traffic; null without

  LaneSet lanes_;
  SeriesTable table_;
  uint32_t next_series_ = 0;  // number of the series that a sender who repeats his order sends next
  SeriesLearner learner_;
  FullLanes full_lanes_ = FullLanes::kHold;
  std::string canonical_;                           // scratch of Learn
  absl::Span<const absl::string_view> lines_ = {};  // that are being taken, for DataOf

  bool is_asked_to_forget_ = false;                                // by a cache: see ForgetNames
  absl::Duration names_forgotten_at_ = -absl::InfiniteDuration();  // monotonic

  uint32_t now_seconds_ = 0;

  // Counted here and published per tick.
  std::vector<TenantState*> dirty_tenants_;
  DropReason last_drop_{};
  uint64_t unknown_key_count_ = 0;
  uint64_t replicated_count_ = 0;
  uint64_t aggregated_count_ = 0;
  size_t published_own_count_ = 0;  // see LaneSet::own_point_count
  uint64_t dropped_since_log_ = 0;
  std::string drop_example_;
  absl::Duration last_drop_log_;
};

}  // namespace plumbago::relay

#include "relay/series_learner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metric/metric_name.h"
#include "relay/aggregate_key.h"

namespace plumbago::relay {
namespace {

using routing::Decision;
using routing::GroupKind;

}  // namespace

SeriesLearner::SeriesLearner(const LearnerOptions& options, SeriesTable& table, LaneSet& lanes)
    : options_(options), table_(table), lanes_(lanes) {
  SetRouteTable(nullptr);
}

SeriesLearner::~SeriesLearner() = default;

void SeriesLearner::SetRouteTable(std::shared_ptr<const routing::RouteTable> rules) {
  has_rules_ = rules != nullptr;
  rules_ = has_rules_ ? std::move(rules) : routing::RouteTable::ShardsOnly();
  received_ = has_rules_ ? std::make_shared<NameTable>() : nullptr;
  groups_.clear();
  for (const routing::HostGroup& hosts : rules_->groups()) {
    Group& group = groups_.emplace_back();
    group.on_failure = hosts.on_failure;
    for (const uint32_t endpoint : hosts.endpoints) {
      group.lanes.push_back(lanes_.lane_of_endpoint(endpoint));
    }
  }
  needs_shards_ = std::any_of(rules_->groups().begin(), rules_->groups().end(),
                              [](const auto& group) { return group.kind == GroupKind::kShards; });
}

Decision SeriesLearner::Decide(const Series& series) const {
  if (series.spec != nullptr) return rules_->DecideAggregate(*series.spec, series.metric);
  return HasRulesFor(series.tenant) ? rules_->Decide(series.metric) : Decision();
}

const Route* SeriesLearner::Learn(const Series& series, const NameHash& hash,
                                  const Decision& decision, DropReason* why) {
  const bool is_received = series.spec == nullptr && !decision.names.empty();
  if (is_received && received_->series_count() < kReceivedMax) {
    received_->Append(series.tenant, series.metric);
  }
  if (decision.drop_reason != routing::DropReason::kNone) {
    return InsertPlan(hash, plans_.Refuse(ReasonOf(decision.drop_reason)));
  }
  if (IsForShardsOnly(decision)) {
    return LearnForShards(series, hash, decision, why);
  }
  Plan plan;
  for (const Decision::Send& send : decision.sends) AddSend(series, decision, send, &plan);
  for (const Decision::Feed& feed : decision.feeds) AddFeed(series, feed, &plan);
  if (plan.has_no_shard && plan.targets.empty() && plan.feeds.empty()) {
    *why = DropReason::kNoActiveShard;
    return nullptr;
  }
  return InsertPlan(hash, plans_.Add(plan.targets, plan.feeds, decision.checks));
}

// One name, whatever its data are.
bool SeriesLearner::IsForShardsOnly(const Decision& decision) const {
  if (decision.names.empty()) return true;
  return decision.feeds.empty() && decision.sends.size() == 1 &&
         decision.sends.front().required == 0 &&
         rules_->groups()[decision.sends.front().group].kind == GroupKind::kShards;
}

const Route* SeriesLearner::LearnForShards(const Series& series, const NameHash& hash,
                                           const Decision& decision, DropReason* why) {
  absl::string_view name = series.canonical;
  const bool is_decided = !decision.names.empty();
  if (is_decided && decision.names[decision.sends.front().name] != series.metric) {
    const std::optional<DropReason> fault =
        Check(series, decision.names[decision.sends.front().name]);
    if (fault.has_value()) return InsertPlan(hash, plans_.Refuse(*fault));
    name = scratch_;
  }
  std::vector<RouteTarget> targets;
  if (AddShardTargets(series.tenant, name, &targets)) return InsertRoute(hash, targets);
  *why = DropReason::kNoActiveShard;
  return nullptr;
}

const Route* SeriesLearner::InsertRoute(const NameHash& hash,
                                        const std::vector<RouteTarget>& targets) {
  table_.Insert(hash, {.series_id = targets.front().series_id,
                       .lane = targets.front().lane,
                       .replica_count = static_cast<uint16_t>(targets.size()),
                       .more_targets = static_cast<uint32_t>(more_targets_.size())});
  more_targets_.insert(more_targets_.end(), targets.begin() + 1, targets.end());
  return table_.Find(hash);
}

const Route* SeriesLearner::InsertPlan(const NameHash& hash, uint32_t plan) {
  table_.Insert(hash, {.plan = plan});
  return table_.Find(hash);
}

bool SeriesLearner::AddShardTargets(absl::string_view tenant, absl::string_view canonical,
                                    std::vector<RouteTarget>* targets) {
  if (!has_shards()) return false;
  bool is_somewhere = false;
  for (const uint16_t shard : map_->ReplicasOf(topology::SlotOf(tenant, canonical))) {
    if (map_->shards()[shard].state != topology::ShardState::kActive) continue;
    const uint16_t lane = lanes_.lane_of_shard(shard);
    targets->push_back({lane, lanes_.AddName(lane, tenant, canonical)});
    is_somewhere = true;
  }
  return is_somewhere;
}

// What cannot be sent is kept as a target that counts each point.
void SeriesLearner::AddSend(const Series& series, const Decision& decision,
                            const Decision::Send& send, Plan* plan) {
  const std::string& name = decision.names[send.name];
  const std::optional<DropReason> fault = Check(series, name);
  if (fault.has_value()) {
    plan->targets.push_back({.required = send.required, .is_refused = true, .refusal = *fault});
    return;
  }
  if (rules_->groups()[send.group].kind == GroupKind::kShards) {
    std::vector<RouteTarget> shards;
    plan->has_no_shard = !AddShardTargets(series.tenant, scratch_, &shards) || plan->has_no_shard;
    for (const RouteTarget& shard : shards) {
      plan->targets.push_back(
          {.required = send.required, .series_id = shard.series_id, .lane = shard.lane});
    }
    if (shards.empty()) {
      plan->targets.push_back(
          {.required = send.required, .is_refused = true, .refusal = DropReason::kNoActiveShard});
    }
    return;
  }
  const bool has_stand_ins = groups_[send.group].on_failure != routing::OnFailure::kQueue;
  for (const uint32_t endpoint : send.endpoints) {
    if (!CanBeWritten(scratch_, rules_->endpoints()[endpoint])) {
      plan->targets.push_back(
          {.required = send.required, .is_refused = true, .refusal = DropReason::kBlankInName});
      continue;
    }
    const uint16_t lane = lanes_.lane_of_endpoint(endpoint);
    plan->targets.push_back({.required = send.required,
                             .series_id = lanes_.AddName(lane, series.tenant, scratch_),
                             .group = has_stand_ins ? send.group : PlanTarget::kNoGroup,
                             .lane = lane});
  }
}

void SeriesLearner::AddFeed(const Series& series, const Decision::Feed& feed, Plan* plan) {
  const std::optional<DropReason> fault = Check(series, feed.name);
  if (fault.has_value()) {
    plan->feeds.push_back({.required = feed.required, .is_refused = true, .refusal = *fault});
    return;
  }
  const uint32_t output = plans_.OutputOf(feed.aggregate, rules_->aggregates()[feed.aggregate],
                                          AggregateKey(series.tenant, scratch_));
  plan->feeds.push_back({.required = feed.required, .output = output});
}

std::optional<DropReason> SeriesLearner::Check(const Series& series, absl::string_view name) {
  const metric::NameFault fault = metric::Canonicalise(name, &scratch_);
  if (fault != metric::NameFault::kNone) return ReasonOf(fault);
  if (scratch_.size() > series.name_bytes_max) return DropReason::kNameTooLong;
  return std::nullopt;
}

// Formats whose fields are apart by blanks have no way to write one in a name.
bool SeriesLearner::CanBeWritten(absl::string_view name, const routing::Endpoint& endpoint) const {
  return endpoint.protocol == routing::Protocol::kPickle ||
         name.find(' ') == absl::string_view::npos;
}

PlanTarget SeriesLearner::StandInFor(const PlanTarget& target) {
  const Group& group = groups_[target.group];
  const auto is_up = [this](uint16_t lane) { return lanes_.is_up(lane); };
  auto chosen = std::find(group.lanes.begin(), group.lanes.end(), target.lane);
  if (group.on_failure == routing::OnFailure::kNextUp) {
    chosen = std::find_if(group.lanes.begin(), group.lanes.end(), is_up);
  } else if (!is_up(target.lane)) {
    // The next in the list, and round: points of one series stay together.
    const auto next = std::find_if(chosen, group.lanes.end(), is_up);
    chosen = next != group.lanes.end() ? next : std::find_if(group.lanes.begin(), chosen, is_up);
  }
  const bool is_nobody_up = chosen == group.lanes.end() || !is_up(*chosen);
  if (is_nobody_up || *chosen == target.lane) return target;
  PlanTarget stand_in = target;
  stand_in.lane = *chosen;
  stand_in.series_id = lanes_.CopyName(target.lane, target.series_id, *chosen);
  return stand_in;
}

void SeriesLearner::ForgetNames() {
  table_.Clear();
  plans_.Clear();
  more_targets_.clear();
  if (has_rules_) received_ = std::make_shared<NameTable>();
  lanes_.ForgetNames();
}

size_t SeriesLearner::memory_bytes() const {
  const size_t received_bytes = received_ == nullptr ? 0 : received_->memory_bytes();
  return table_.memory_bytes() + plans_.memory_bytes() + lanes_.name_bytes() + received_bytes +
         more_targets_.capacity() * sizeof(RouteTarget);
}

}  // namespace plumbago::relay

#include "routing/route_table_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "routing/internal/route_state.h"

namespace plumbago::routing {

RouteTableBuilder::RouteTableBuilder(NameScope scope)
    : state_(std::make_unique<RouteTable::State>(scope)) {}
RouteTableBuilder::~RouteTableBuilder() = default;

PatternSet& RouteTableBuilder::patterns() { return state_->patterns; }

uint32_t RouteTableBuilder::AddEndpoint(const Endpoint& endpoint) {
  auto& endpoints = state_->endpoints;
  const auto known = std::find(endpoints.begin(), endpoints.end(), endpoint);
  const auto index = static_cast<uint32_t>(known - endpoints.begin());
  if (known == endpoints.end()) endpoints.push_back(endpoint);
  return index;
}

const Endpoint& RouteTableBuilder::endpoint(uint32_t index) const {
  return state_->endpoints[index];
}

uint32_t RouteTableBuilder::AddGroup(HostGroup group) {
  state_->groups.push_back(std::move(group));
  return static_cast<uint32_t>(state_->groups.size() - 1);
}

uint32_t RouteTableBuilder::ShardsGroup() {
  const auto& groups = state_->groups;
  for (uint32_t i = 0; i < groups.size(); ++i) {
    if (groups[i].kind == GroupKind::kShards) return i;
  }
  return AddGroup({.name = "shards", .kind = GroupKind::kShards});
}

uint32_t RouteTableBuilder::AddAggregate(AggregateSpec spec) {
  // Two rules that are equal, word for word, are still two.
  const std::string identity = spec.identity;
  for (int copy = 2;
       std::any_of(state_->aggregates.begin(), state_->aggregates.end(),
                   [&](const auto& other) { return other->identity == spec.identity; });
       ++copy) {
    spec.identity = absl::StrCat(identity, " #", copy);
  }
  state_->aggregates.push_back(std::make_shared<AggregateSpec>(std::move(spec)));
  return static_cast<uint32_t>(state_->aggregates.size() - 1);
}

void RouteTableBuilder::SetFirstRuleOfAggregates(uint32_t rule) {
  for (const auto& spec : state_->aggregates) spec->first_rule = rule;
}

absl::StatusOr<int> RouteTableBuilder::AddDataCheck(DataCheck check) {
  if (state_->data_checks.size() == kDataChecksMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kDataChecksMax, " validate clauses"));
  }
  state_->data_checks.push_back(std::move(check));
  return static_cast<int>(state_->data_checks.size() - 1);
}

uint32_t RouteTableBuilder::AddRule(Rule rule) {
  state_->rules.push_back(std::move(rule));
  return rule_count() - 1;
}

uint32_t RouteTableBuilder::rule_count() const {
  return static_cast<uint32_t>(state_->rules.size());
}

Rule& RouteTableBuilder::rule(uint32_t index) { return state_->rules[index]; }

std::shared_ptr<const RouteTable> RouteTableBuilder::Build() {
  RouteTable::State& state = *state_;
  state.patterns.Compile();
  state.rules_of_pattern.resize(state.patterns.size());
  for (uint32_t i = 0; i < state.rules.size(); ++i) {
    const uint32_t pattern = state.rules[i].pattern;
    PLUMBAGO_CHECK(pattern == Rule::kEveryMetric || pattern < state.patterns.size());
    (pattern == Rule::kEveryMetric ? state.rules_without_pattern : state.rules_of_pattern[pattern])
        .push_back(i);
  }
  state.shared_aggregates.assign(state.aggregates.begin(), state.aggregates.end());
  return std::shared_ptr<const RouteTable>(new RouteTable(std::move(state_)));
}

}  // namespace plumbago::routing

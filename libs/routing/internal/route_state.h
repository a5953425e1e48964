// What a RouteTable is made of; shared with its builder.
#pragma once

#include <memory>
#include <vector>

#include "routing/pattern_set.h"
#include "routing/route_table.h"
#include "routing/route_table_builder.h"

namespace plumbago::routing {

struct RouteTable::State {
  explicit State(NameScope name_scope) : scope(name_scope) {}

  const NameScope scope;
  PatternSet patterns;
  std::vector<Rule> rules;
  std::vector<Endpoint> endpoints;
  std::vector<HostGroup> groups;
  std::vector<std::shared_ptr<AggregateSpec>> aggregates;
  std::vector<std::shared_ptr<const AggregateSpec>> shared_aggregates;  // the same, for others
  std::vector<DataCheck> data_checks;

  std::vector<std::vector<uint32_t>> rules_of_pattern;  // ascending
  std::vector<uint32_t> rules_without_pattern;          // ascending
};

}  // namespace plumbago::routing

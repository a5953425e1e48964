// Where a relay's rules come from: its settings, and the files that they name, as one RouteTable.
//
// Each setting that is not empty stands over what carbon.conf says. Beside carbon.conf its rule
// files are found by their own names, as carbon finds them. Blocks on the files. Errors are
// InvalidArgument or the file system's and say which setting or file and line is wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "routing/aggregator.h"
#include "routing/carbon_c_relay.h"
#include "routing/route_table.h"

namespace plumbago::routing {

// Paths and values as written; empty is not set.
struct RuleSettings {
  std::string carbon_conf;
  std::string carbon_program = "both";
  std::string relay_rules;
  std::string rewrite_rules;
  std::string aggregation_rules;
  std::string blacklist;
  std::string whitelist;
  std::string relay_method;  // default: rules with relay_rules, else shards
  std::string destinations;
  std::string destination_protocol;
  std::string router_hash;
  std::string diverse_replicas;            // true, false
  std::string forward_all;                 // true, false
  uint32_t replication_factor = 0;         // 0: not set
  uint32_t max_aggregation_intervals = 0;  // 0: not set
  int64_t write_back_seconds = -1;         // -1: not set
  std::string carbon_c_relay_config;       // instead of all of the above
  size_t aggregator_bytes_max = AggregatorOptions().memory_bytes_max;
};

struct LoadedRules {
  std::shared_ptr<const RouteTable> table;  // shared by whoever decides by it; null: no rules
  AggregatorOptions aggregator;
  std::vector<std::string> warnings;  // of what is read and not done
};

absl::StatusOr<LoadedRules> LoadRules(const RuleSettings& settings, base::FileSystem& file_system,
                                      const CRelayOptions& c_relay);

}  // namespace plumbago::routing

// carbon's own rule files as one RouteTable: blacklist.conf, whitelist.conf, rewrite-rules.conf,
// aggregation-rules.conf, relay-rules.conf, in the order in which carbon's daemons apply them:
//
//   blacklist, whitelist, [pre] rewrites, aggregation, [post] rewrites, relay method
//
// What the aggregator emits takes the last step only. Patterns are RE2 in Python's notation, over
// the whole metric with its tags. Stricter than carbon, which skips what it does not understand:
// everything wrong is InvalidArgument with file, line, value and how to mend it.
//
// One destination is not carbon's: "shards" is this cluster.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/destination.h"
#include "routing/hash_ring.h"
#include "routing/route_table.h"

namespace plumbago::routing {

// RELAY_METHOD of carbon.conf.
enum class RelayMethod {
  kShards,  // not carbon's: everything goes to our own shards
  kRules,   // relay-rules.conf
  kConstant,
  kConsistentHashing,
  kAggregatedConsistentHashing,  // hashed by the names of the aggregates
  kFastHashing,
  kFastAggregatedHashing,
};

struct CarbonFiles {
  struct File {
    std::string text;
    std::string name;  // for messages
  };

  File blacklist{"", "blacklist.conf"};
  File whitelist{"", "whitelist.conf"};  // empty: everything passes
  File rewrite_rules{"", "rewrite-rules.conf"};
  File aggregation_rules{"", "aggregation-rules.conf"};
  File relay_rules{"", "relay-rules.conf"};  // needed by kRules

  RelayMethod method = RelayMethod::kShards;
  // DESTINATIONS, for all methods but kShards. With kRules it may be empty; where it is not, only
  // destinations that are in it get points, as in carbon.
  std::vector<std::string> destinations;
  Protocol protocol = Protocol::kPickle;  // DESTINATION_PROTOCOL
  uint32_t replication_factor = 1;        // REPLICATION_FACTOR
  HashRing::Options::Replicas replicas =
      HashRing::Options::Replicas::kDiverseServers;  // DIVERSE_REPLICAS
  std::string router_hash;                           // ROUTER_HASH_TYPE; empty: the method's own

  enum class ForwardAll { kYes, kNo };
  ForwardAll forward_all = ForwardAll::kYes;  // FORWARD_ALL
};

absl::StatusOr<std::shared_ptr<const RouteTable>> ParseCarbonFiles(const CarbonFiles& files);

// "rules", "consistent-hashing", ...
absl::StatusOr<RelayMethod> ParseRelayMethod(absl::string_view name);

}  // namespace plumbago::routing

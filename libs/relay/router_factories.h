// What a router is given to reach its destinations: our shards, and foreign endpoints.
//
// A stream belongs to the router that asked for it; a spool must outlive the router. The functions
// are called on the router's thread.
#pragma once

#include <functional>
#include <memory>

#include "relay/batch.h"
#include "relay/batch_spool.h"
#include "routing/destination.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

struct RouterFactories {
  std::function<std::unique_ptr<BatchStream>(const topology::ShardInfo& shard)> make_stream;
  // Unset, or null as an answer: without a spool.
  std::function<BatchSpool*(const topology::ShardInfo& shard)> find_spool = nullptr;
  // Needed by a route table that has endpoints.
  std::function<std::unique_ptr<BatchStream>(const routing::Endpoint& endpoint)>
      make_endpoint_stream = nullptr;
  std::function<BatchSpool*(const routing::Endpoint& endpoint)> find_endpoint_spool = nullptr;
};

}  // namespace plumbago::relay

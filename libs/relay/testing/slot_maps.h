// Slot maps of tests and benchmarks: all slots belong to the same shards.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "topology/slot_map.h"

namespace plumbago::relay::testing {

// The shards of every slot, the preferred one first. Those that are `excluded` take no points.
inline std::shared_ptr<const topology::SlotMap> SlotMapOf(
    const std::vector<std::string>& shards = {"a"}, uint64_t epoch = 1,
    const std::set<std::string>& excluded = {}) {
  v1::TopologySnapshot proto;
  proto.set_epoch(epoch);
  v1::SlotRange* const range = proto.add_slots();
  range->set_last(topology::kSlotCount - 1);
  for (const std::string& id : shards) {
    v1::Shard* const shard = proto.add_shard();
    shard->set_id(id);
    shard->set_cache_address("cache-" + id);
    shard->set_store_address("store-" + id);
    shard->set_state(excluded.count(id) > 0 ? v1::Shard::EXCLUDED : v1::Shard::ACTIVE);
    range->add_shard(id);
  }
  return topology::SlotMap::FromProto(proto).value();
}

}  // namespace plumbago::relay::testing

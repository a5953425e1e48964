// An engine over two fake shards. Each owns half of the slots, or both own all.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "plumbago/v1/topology.pb.h"
#include "query/engine.h"
#include "query/testing/fake_shards.h"
#include "topology/snapshot.h"

namespace plumbago::query {

enum class Replicas { kOne, kTwo };

class TwoShards {
 public:
  explicit TwoShards(Replicas replicas) {
    v1::Snapshot proto;
    proto.set_version(1);
    auto* topology = proto.mutable_topology();
    topology->set_epoch(1);
    for (const char* id : {"shard-0", "shard-1"}) {
      auto* info = topology->add_shard();
      info->set_id(id);
      info->set_cache_address("c");
      info->set_store_address("s");
      info->set_state(v1::Shard::ACTIVE);
      clients.shards[id] = std::make_shared<FakeShard>();
    }
    const uint32_t half = topology::kSlotCount / 2;
    auto* low = topology->add_slots();
    low->set_last(half - 1);
    auto* high = topology->add_slots();
    high->set_first(half);
    high->set_last(topology::kSlotCount - 1);
    low->add_shard("shard-0");
    if (replicas == Replicas::kTwo) low->add_shard("shard-1");
    if (replicas == Replicas::kTwo) high->add_shard("shard-0");
    high->add_shard("shard-1");
    topology::SnapshotHolder holder;
    holder.Publish(*topology::Snapshot::FromProto(proto));
    context.tenant = "t";
    context.slot_map = holder.Get()->slot_map();
    context.now = 2000;
    context.deadline = clock.Now() + absl::Seconds(25);
  }

  FakeShard& shard(const std::string& id) { return *clients.shards.at(id); }

  base::SimulatedClock clock{absl::FromUnixSeconds(2000)};
  FakeShards clients;
  functions::FunctionTable functions = functions::MakeBuiltinFunctions();
  Engine engine{Limits(), functions, clients, clock};
  RequestContext context;
};

}  // namespace plumbago::query

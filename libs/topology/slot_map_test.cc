// Proves the slot function by fixed vectors (computed with libxxhash in C) and that a SlotMap
// accepts exactly the topologies its header promises, naming what is wrong.
#include "topology/slot_map.h"

#include <catch2/catch.hpp>

#include "base/hash.h"

namespace plumbago::topology {
namespace {

v1::TopologySnapshot TwoShards() {
  v1::TopologySnapshot topology;
  topology.set_epoch(7);
  for (const char* id : {"s0", "s1"}) {
    v1::Shard& shard = *topology.add_shard();
    shard.set_id(id);
    shard.set_cache_address("127.0.0.1:1");
    shard.set_store_address("127.0.0.1:2");
    shard.set_state(v1::Shard::ACTIVE);
  }
  return topology;
}

void AddRange(v1::TopologySnapshot& topology, uint32_t first, uint32_t last,
              const std::vector<std::string>& shards) {
  v1::SlotRange& range = *topology.add_slots();
  range.set_first(first);
  range.set_last(last);
  for (const std::string& shard : shards) range.add_shard(shard);
}

void CheckRefused(const v1::TopologySnapshot& topology, const std::string& part_of_message) {
  const absl::Status status = SlotMap::FromProto(topology).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(status.message()), Catch::Contains(part_of_message));
}

TEST_CASE("SlotOf gives the slots of the wire contract", "[topology]") {
  CHECK(SlotOf("default", "a.b.c") == 2664);
  CHECK(SlotOf("acme", "cpu;host=a") == 3360);
  CHECK(SlotOf("", "") == 3291);
}

TEST_CASE("SlotOf is the hash of tenant, zero byte and metric at every length", "[topology]") {
  for (const size_t length : {0, 1, 100, 4087, 4088, 4089, 4096, 10000}) {
    const std::string metric(length, 'm');
    const std::string key = std::string("default") + '\0' + metric;
    CHECK(SlotOf("default", metric) == base::Hash64(key) % kSlotCount);
  }
}

TEST_CASE("SlotMap gives the replicas of each slot, the preferred one first", "[topology]") {
  v1::TopologySnapshot topology = TwoShards();
  topology.mutable_shard(1)->set_state(v1::Shard::EXCLUDED);
  topology.mutable_shard(1)->set_zone("b");
  AddRange(topology, 0, 2047, {"s0", "s1"});
  AddRange(topology, 2048, 4095, {"s1"});
  const auto map = SlotMap::FromProto(topology);
  REQUIRE(map.ok());
  CHECK((*map)->epoch() == 7);
  CHECK((*map)->shards().at(1).id == "s1");
  CHECK((*map)->shards().at(1).zone == "b");
  CHECK((*map)->shards().at(1).state == ShardState::kExcluded);
  for (const uint32_t slot : {0u, 2047u}) {
    CHECK((*map)->ReplicasOf(slot) == absl::Span<const uint16_t>({0, 1}));
  }
  for (const uint32_t slot : {2048u, 4095u}) {
    CHECK((*map)->ReplicasOf(slot) == absl::Span<const uint16_t>({1}));
  }
}

TEST_CASE("SlotMap of a deployment without shards has no replicas", "[topology]") {
  const auto map = SlotMap::FromProto({});
  REQUIRE(map.ok());
  CHECK((*map)->epoch() == 0);
  CHECK((*map)->ReplicasOf(0).empty());
  CHECK((*map)->ReplicasOf(4095).empty());
}

TEST_CASE("SlotMap refuses slots that are missing, doubled or out of range", "[topology]") {
  v1::TopologySnapshot topology = TwoShards();
  CheckRefused(topology, "slot 0 has no shard");
  AddRange(topology, 0, 10, {"s0"});
  CheckRefused(topology, "slot 11 has no shard");
  AddRange(topology, 12, 4095, {"s0"});
  CheckRefused(topology, "slot 11 has no shard");
  topology.mutable_slots(1)->set_first(10);
  CheckRefused(topology, "slot 10 is given twice");
  topology.mutable_slots(1)->set_first(11);
  CHECK(SlotMap::FromProto(topology).ok());
  topology.mutable_slots(1)->set_last(4096);
  CheckRefused(topology, "slots 11..4096 is not a range");
}

TEST_CASE("SlotMap refuses replica sets of unknown, doubled, no or too many shards", "[topology]") {
  const auto refused = [](const std::vector<std::string>& shards, const std::string& message) {
    v1::TopologySnapshot topology = TwoShards();
    AddRange(topology, 0, 4095, shards);
    CheckRefused(topology, message);
  };
  refused({"s0", "s9"}, "slots 0..4095 names unknown shard \"s9\"");
  refused({"s1", "s1"}, "slots 0..4095 names shard \"s1\" twice");
  refused({}, "has 0 replicas");
  refused(std::vector<std::string>(kReplicasMax + 1, "s0"), "has 9 replicas; use 1 to 8");
  v1::TopologySnapshot topology = TwoShards();
  AddRange(topology, 0, 4095, {"s0"});
  topology.mutable_slots(0)->set_target("s7");
  CheckRefused(topology, "unknown shard \"s7\"");
}

TEST_CASE("SlotMap refuses shards without id, twice, in no known state or too many", "[topology]") {
  v1::TopologySnapshot topology = TwoShards();
  AddRange(topology, 0, 4095, {"s0"});
  topology.mutable_shard(1)->set_id("s0");
  CheckRefused(topology, "shard \"s0\" occurs twice");
  topology.mutable_shard(1)->set_id("");
  CheckRefused(topology, "shard number 1 of the topology has no id");
  topology.mutable_shard(1)->set_id("s1");
  topology.mutable_shard(1)->set_state(v1::Shard::STATE_UNSPECIFIED);
  CheckRefused(topology, "shard \"s1\" has unknown state 0");
  topology.mutable_shard(1)->set_state(v1::Shard::ACTIVE);
  while (topology.shard_size() <= static_cast<int>(kShardsMax)) {
    v1::Shard shard = topology.shard(1);
    shard.set_id("x" + std::to_string(topology.shard_size()));
    *topology.add_shard() = shard;
  }
  CheckRefused(topology, "has 1025 shards; at most 1024");
}

}  // namespace
}  // namespace plumbago::topology

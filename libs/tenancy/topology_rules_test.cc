// Proves each change of the topology and each refusal, with its message.
#include "tenancy/topology_rules.h"

#include <catch2/catch.hpp>

#include "topology/slot_map.h"

namespace plumbago::tenancy {
namespace {

v1::Shard MakeShard(const std::string& id) {
  v1::Shard shard;
  shard.set_id(id);
  shard.set_cache_address("127.0.0.1:7600");
  shard.set_store_address("store-" + id + ".example:7700");
  return shard;
}

v1::TopologySnapshot TwoShards() {
  return FirstTopology({MakeShard("a"), MakeShard("b")}, 1).value();
}

void CheckRefused(const absl::Status& status, absl::StatusCode code, const std::string& message) {
  CHECK(status.code() == code);
  CHECK_THAT(std::string(status.message()), Catch::Contains(message));
}

uint32_t SlotsOf(const v1::TopologySnapshot& topology, const std::string& id) {
  uint32_t count = 0;
  for (const v1::SlotRange& range : topology.slots()) {
    for (const std::string& shard : range.shard()) {
      if (shard == id) count += range.last() - range.first() + 1;
    }
  }
  return count;
}

v1::AssignSlotsRequest Assign(uint32_t first, uint32_t last, const std::string& shard) {
  v1::AssignSlotsRequest request;
  v1::SlotRange& range = *request.add_slots();
  range.set_first(first);
  range.set_last(last);
  range.add_shard(shard);
  return request;
}

TEST_CASE("The first shards share all slots", "[tenancy]") {
  const auto topology = TwoShards();
  CHECK(SlotsOf(topology, "a") == 2048);
  CHECK(SlotsOf(topology, "b") == 2048);
  CHECK(topology.shard(0).state() == v1::Shard::ACTIVE);
  const auto replicated = FirstTopology({MakeShard("a"), MakeShard("b")}, 2).value();
  CHECK(SlotsOf(replicated, "a") == 4096);
  CheckRefused(FirstTopology({MakeShard("a")}, 2).status(), absl::StatusCode::kInvalidArgument,
               "replication factor 2 does not fit 1 active shards");
  CheckRefused(FirstTopology({MakeShard("a"), MakeShard("a")}, 1).status(),
               absl::StatusCode::kAlreadyExists, "shard \"a\" is given twice");
}

TEST_CASE("AddShard gives the first shard everything and later ones nothing", "[tenancy]") {
  const auto one = AddShard({}, MakeShard("a")).value();
  CHECK(SlotsOf(one, "a") == 4096);
  const auto two = AddShard(one, MakeShard("b")).value();
  CHECK(two.shard_size() == 2);
  CHECK(SlotsOf(two, "b") == 0);
  CheckRefused(AddShard(two, MakeShard("b")).status(), absl::StatusCode::kAlreadyExists,
               "shard \"b\" exists");
}

TEST_CASE("AddShard refuses more shards than a slot map can have", "[tenancy]") {
  v1::TopologySnapshot topology = AddShard({}, MakeShard("a")).value();
  while (topology.shard_size() < static_cast<int>(topology::kShardsMax)) {
    *topology.add_shard() = MakeShard("s" + std::to_string(topology.shard_size()));
  }
  CheckRefused(AddShard(topology, MakeShard("x")).status(), absl::StatusCode::kResourceExhausted,
               "there are 1024 shards");
}

TEST_CASE("Shards have valid ids, zones, addresses and states", "[tenancy]") {
  const auto refused = [](const v1::Shard& shard, const std::string& message) {
    CheckRefused(AddShard(TwoShards(), shard).status(), absl::StatusCode::kInvalidArgument,
                 message);
  };
  refused(MakeShard("A"), "shard id \"A\" is not allowed");
  refused(MakeShard(""), "shard id \"\" is not allowed");
  refused(MakeShard(std::string(64, 'a')), "is not allowed; use 1 to 63");
  CHECK(AddShard(TwoShards(), MakeShard(std::string(63, 'a'))).ok());
  for (const char* address :
       {"", "host", ":1", "host:", "host:0", "host:65536", "host:+1", "a b:1", "::1:5", "a/b:1"}) {
    v1::Shard shard = MakeShard("c");
    shard.set_store_address(address);
    refused(shard, "shard \"c\" has store_address \"");
  }
  for (const char* address : {"host:1", "[::1]:65535", "10.0.0.1:80", "a-b.c_d:7600"}) {
    v1::Shard shard = MakeShard("c");
    shard.set_cache_address(address);
    CHECK(AddShard(TwoShards(), shard).ok());
  }
  v1::Shard shard = MakeShard("c");
  shard.set_zone(std::string(64, 'z'));
  refused(shard, "has zone");
  shard = MakeShard("c");
  shard.set_state(static_cast<v1::Shard::State>(7));
  refused(shard, "has unknown state 7");
}

TEST_CASE("UpdateShard changes what is given and keeps the rest", "[tenancy]") {
  v1::Shard change;
  change.set_id("b");
  change.set_zone("z2");
  const auto updated = UpdateShard(TwoShards(), change).value();
  CHECK(updated.shard(1).zone() == "z2");
  CHECK(updated.shard(1).cache_address() == "127.0.0.1:7600");
  CHECK(SlotsOf(updated, "b") == 2048);
  change.set_id("x");
  CheckRefused(UpdateShard(TwoShards(), change).status(), absl::StatusCode::kNotFound,
               "there is no shard \"x\"");
  change.set_id("a");
  change.set_cache_address("nonsense");
  CheckRefused(UpdateShard(TwoShards(), change).status(), absl::StatusCode::kInvalidArgument,
               "cache_address \"nonsense\"");
}

TEST_CASE("RemoveShard takes a shard without slots only", "[tenancy]") {
  CheckRefused(RemoveShard(TwoShards(), "a").status(), absl::StatusCode::kFailedPrecondition,
               "shard \"a\" still has 2048 slots");
  const auto three = AddShard(TwoShards(), MakeShard("c")).value();
  CHECK(RemoveShard(three, "c").value().SerializeAsString() == TwoShards().SerializeAsString());
  CheckRefused(RemoveShard(three, "x").status(), absl::StatusCode::kNotFound, "no shard \"x\"");
}

TEST_CASE("AssignSlots without ranges spreads over the active shards", "[tenancy]") {
  const auto three = AddShard(TwoShards(), MakeShard("c")).value();
  const auto spread = AssignSlots(three, {}).value();
  CHECK(SlotsOf(spread, "c") >= 1365);
  v1::AssignSlotsRequest request;
  request.set_replication_factor(3);
  CHECK(SlotsOf(AssignSlots(three, request).value(), "c") == 4096);
  CheckRefused(AssignSlots({}, {}).status(), absl::StatusCode::kFailedPrecondition,
               "there is no shard yet");
}

TEST_CASE("AssignSlots with ranges changes those slots only", "[tenancy]") {
  const auto topology = AssignSlots(TwoShards(), Assign(10, 19, "b")).value();
  CHECK(SlotsOf(topology, "b") == 2058);
  CHECK(topology.slots_size() == 4);
  CHECK(topology.slots(1).first() == 10);
  CHECK(topology.slots(1).last() == 19);
  const auto all = AssignSlots(topology, Assign(0, 4095, "a")).value();
  CHECK(all.slots_size() == 1);
}

TEST_CASE("AssignSlots refuses bad ranges, unknown shards and targets", "[tenancy]") {
  const auto refused = [](const v1::AssignSlotsRequest& request, const std::string& message) {
    CheckRefused(AssignSlots(TwoShards(), request).status(), absl::StatusCode::kInvalidArgument,
                 message);
  };
  refused(Assign(5, 4, "a"), "slots 5..4 is not a range");
  refused(Assign(0, 4096, "a"), "slots 0..4096 is not a range");
  refused(Assign(0, 9, "x"), "unknown shard \"x\"");
  v1::AssignSlotsRequest twice = Assign(0, 9, "a");
  *twice.add_slots() = Assign(9, 10, "b").slots(0);
  refused(twice, "slot 9 is given twice");
  v1::AssignSlotsRequest target = Assign(0, 9, "a");
  target.mutable_slots(0)->set_target("b");
  refused(target, "slots 0..9 have target \"b\"");
  v1::AssignSlotsRequest empty = Assign(0, 9, "a");
  empty.mutable_slots(0)->clear_shard();
  refused(empty, "has 0 replicas");
}

TEST_CASE("CheckShardsMatch accepts what the registry has and names what differs", "[tenancy]") {
  CHECK(CheckShardsMatch(TwoShards(), {MakeShard("b")}).ok());
  v1::Shard other = MakeShard("b");
  other.set_cache_address("127.0.0.1:1");
  CheckRefused(CheckShardsMatch(TwoShards(), {MakeShard("a"), other}),
               absl::StatusCode::kFailedPrecondition,
               "shard \"b\" has cache address \"127.0.0.1:7600\" in the registry, not "
               "\"127.0.0.1:1\"");
  CheckRefused(CheckShardsMatch(TwoShards(), {MakeShard("x")}),
               absl::StatusCode::kFailedPrecondition, "shard \"x\" is not in the registry");
}

}  // namespace
}  // namespace plumbago::tenancy

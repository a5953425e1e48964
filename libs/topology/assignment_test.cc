// Proves the rules of the spread (balance, zones, few moves, determinism) by counting over all
// slots, for hand-picked deployments and for a random walk of growing and shrinking ones.
#include "topology/assignment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "topology/slot_map.h"

namespace plumbago::topology {
namespace {

void AddShard(v1::TopologySnapshot& topology, const std::string& id, const std::string& zone) {
  v1::Shard& shard = *topology.add_shard();
  shard.set_id(id);
  shard.set_zone(zone);
  shard.set_state(v1::Shard::ACTIVE);
}

v1::TopologySnapshot WithShards(const std::vector<std::pair<std::string, std::string>>& shards) {
  v1::TopologySnapshot topology;
  for (const auto& [id, zone] : shards) AddShard(topology, id, zone);
  return topology;
}

v1::TopologySnapshot Spread(const v1::TopologySnapshot& topology, uint32_t factor) {
  auto result = SpreadSlots(topology, factor);
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  REQUIRE(SlotMap::FromProto(*result).ok());
  return *result;
}

std::vector<std::vector<std::string>> HoldersOf(const v1::TopologySnapshot& topology) {
  std::vector<std::vector<std::string>> holders(kSlotCount);
  for (const v1::SlotRange& range : topology.slots()) {
    for (uint32_t slot = range.first(); slot <= range.last(); ++slot) {
      holders[slot].assign(range.shard().begin(), range.shard().end());
    }
  }
  return holders;
}

std::map<std::string, size_t> CountPerShard(const v1::TopologySnapshot& topology) {
  std::map<std::string, size_t> count;
  for (const v1::Shard& shard : topology.shard()) {
    if (shard.state() == v1::Shard::ACTIVE) count[shard.id()] = 0;
  }
  for (const auto& holders : HoldersOf(topology)) {
    for (const std::string& shard : holders) ++count[shard];
  }
  return count;
}

size_t Imbalance(const std::map<std::string, size_t>& count) {
  const auto [least, most] = std::minmax_element(
      count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most->second - least->second;
}

size_t PreferredImbalance(const v1::TopologySnapshot& topology) {
  std::map<std::string, size_t> count;
  for (const v1::Shard& shard : topology.shard()) count[shard.id()] = 0;
  for (const auto& holders : HoldersOf(topology)) ++count[holders.front()];
  return Imbalance(count);
}

// Replicas that `after` has in a place where `before` has none.
size_t Moves(const v1::TopologySnapshot& before, const v1::TopologySnapshot& after) {
  const auto old_holders = HoldersOf(before);
  const auto new_holders = HoldersOf(after);
  size_t moves = 0;
  for (size_t slot = 0; slot < kSlotCount; ++slot) {
    for (const std::string& shard : new_holders[slot]) {
      const auto& old = old_holders[slot];
      if (std::find(old.begin(), old.end(), shard) == old.end()) ++moves;
    }
  }
  return moves;
}

size_t FewestZonesOfASlot(const v1::TopologySnapshot& topology) {
  std::map<std::string, std::string> zone;
  for (const v1::Shard& shard : topology.shard()) zone[shard.id()] = shard.zone();
  size_t fewest = kReplicasMax;
  for (const auto& holders : HoldersOf(topology)) {
    std::set<std::string> zones;
    for (const std::string& shard : holders) zones.insert(zone[shard]);
    fewest = std::min(fewest, zones.size());
  }
  return fewest;
}

TEST_CASE("The first spread gives each shard one range of equal length", "[topology]") {
  const auto topology = Spread(WithShards({{"a", ""}, {"b", ""}, {"c", ""}}), 1);
  CHECK(topology.slots_size() == 3);
  CHECK(Imbalance(CountPerShard(topology)) == 1);
}

TEST_CASE("A fourth shard takes a quarter of the slots and no other slot moves", "[topology]") {
  auto topology = Spread(WithShards({{"a", ""}, {"b", ""}, {"c", ""}}), 1);
  AddShard(topology, "d", "");
  const auto grown = Spread(topology, 1);
  CHECK(Moves(topology, grown) == 1024);
  CHECK(CountPerShard(grown)["d"] == 1024);
  CHECK(Imbalance(CountPerShard(grown)) == 0);
}

TEST_CASE("With two replicas a fourth shard takes its share and no other replica moves",
          "[topology]") {
  auto topology = Spread(WithShards({{"a", ""}, {"b", ""}, {"c", ""}}), 2);
  AddShard(topology, "d", "");
  const auto grown = Spread(topology, 2);
  CHECK(Moves(topology, grown) == 2048);
  CHECK(Imbalance(CountPerShard(grown)) == 0);
  CHECK(PreferredImbalance(grown) <= 1);
}

TEST_CASE("The slots of an excluded shard go to the others and nothing else moves", "[topology]") {
  auto topology = Spread(WithShards({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}), 1);
  topology.mutable_shard(1)->set_state(v1::Shard::EXCLUDED);
  const auto shrunk = Spread(topology, 1);
  CHECK(Moves(topology, shrunk) == 1024);
  CHECK(CountPerShard(shrunk).count("b") == 0);
  CHECK(Imbalance(CountPerShard(shrunk)) <= 1);
}

TEST_CASE("A spread that is balanced already does not change", "[topology]") {
  const auto topology = Spread(WithShards({{"a", "x"}, {"b", "y"}, {"c", "z"}, {"d", "x"}}), 2);
  const auto again = Spread(topology, 2);
  CHECK(again.SerializeAsString() == topology.SerializeAsString());
}

TEST_CASE("Replicas of a slot sit in different zones, and shards are balanced", "[topology]") {
  const auto topology = Spread(
      WithShards({{"a", "x"}, {"b", "y"}, {"c", "x"}, {"d", "y"}, {"e", "x"}, {"f", "y"}}), 2);
  CHECK(FewestZonesOfASlot(topology) == 2);
  CHECK(Imbalance(CountPerShard(topology)) <= 1);
  CHECK(PreferredImbalance(topology) <= 2);
}

TEST_CASE("Where zones are unequal, different zones go before equal shards", "[topology]") {
  const auto topology = Spread(WithShards({{"a", "x"}, {"b", "x"}, {"c", "x"}, {"d", "y"}}), 2);
  CHECK(FewestZonesOfASlot(topology) == 2);
  auto count = CountPerShard(topology);
  CHECK(count["d"] == 4096);
  count.erase("d");
  CHECK(Imbalance(count) == 1);
}

TEST_CASE("With fewer zones than replicas each zone has one at least", "[topology]") {
  const auto topology =
      Spread(WithShards({{"a", "x"}, {"b", "x"}, {"c", "x"}, {"d", "y"}, {"e", "y"}}), 3);
  CHECK(FewestZonesOfASlot(topology) == 2);
  CHECK(Imbalance(CountPerShard(topology)) <= 1);
}

TEST_CASE("A raised replication factor adds replicas and moves none", "[topology]") {
  const auto once = Spread(WithShards({{"a", "x"}, {"b", "y"}, {"c", "z"}}), 1);
  const auto twice = Spread(once, 2);
  CHECK(Moves(once, twice) == 4096);
  CHECK(Imbalance(CountPerShard(twice)) <= 1);
}

TEST_CASE("SpreadSlots does not depend on the order of the shards", "[topology]") {
  const auto forward = Spread(WithShards({{"a", "x"}, {"b", "y"}, {"c", "z"}}), 2);
  const auto backward = Spread(WithShards({{"c", "z"}, {"b", "y"}, {"a", "x"}}), 2);
  CHECK(HoldersOf(forward) == HoldersOf(backward));
}

TEST_CASE("SpreadSlots refuses a replication factor that does not fit", "[topology]") {
  const auto topology = WithShards({{"a", ""}, {"b", ""}});
  CHECK(SpreadSlots(topology, 2).ok());
  CHECK(SpreadSlots(topology, 0).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(SpreadSlots(topology, 3).status().message()),
             Catch::Contains("replication factor 3 does not fit 2 active shards; use 1 to 2"));
  CHECK(SpreadSlots({}, 1).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("SpreadSlots refuses current slots that name unknown shards", "[topology]") {
  auto topology = Spread(WithShards({{"a", ""}, {"b", ""}}), 1);
  topology.mutable_slots(0)->set_shard(0, "gone");
  CHECK(SpreadSlots(topology, 1).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Random changes of shards, zones and factor keep every rule", "[topology]") {
  const unsigned seed = 20240607;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto topology = WithShards({{"s0", "z0"}, {"s1", "z1"}, {"s2", "z2"}});
  for (int step = 0; step < 60; ++step) {
    const auto pick = static_cast<int>(random() % static_cast<unsigned>(topology.shard_size()));
    if (topology.shard_size() < 12 && random() % 2 == 0) {
      AddShard(topology, "s" + std::to_string(topology.shard_size()),
               "z" + std::to_string(random() % 4));
    } else {
      v1::Shard& shard = *topology.mutable_shard(pick);
      const bool is_active = shard.state() == v1::Shard::ACTIVE;
      shard.set_state(is_active ? v1::Shard::EXCLUDED : v1::Shard::ACTIVE);
    }
    size_t active = 0;
    std::set<std::string> zones;
    for (const v1::Shard& shard : topology.shard()) {
      if (shard.state() != v1::Shard::ACTIVE) continue;
      ++active;
      zones.insert(shard.zone());
    }
    if (active == 0) continue;
    const auto factor = static_cast<uint32_t>(1 + random() % std::min<size_t>(active, 3));
    INFO("step " << step << ", " << active << " active shards, factor " << factor);
    topology = Spread(topology, factor);
    CHECK(FewestZonesOfASlot(topology) == std::min<size_t>(zones.size(), factor));
    if (factor == 1) CHECK(Imbalance(CountPerShard(topology)) <= 1);
  }
}

}  // namespace
}  // namespace plumbago::topology

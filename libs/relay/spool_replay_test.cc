// Proves what becomes of points of a spool that the cache refuses for want of memory: they come
// again, a full spool does not stop that, and the ledger balances at every step. And that spools
// whose points belong to each other's shard empty, however full they are.
#include "relay/spool_replay.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "relay/testing/spooler_fixture.h"

namespace plumbago::relay {
namespace {

using testing::MapOf;
using testing::Point;
using Fixture = testing::SpoolerFixture;

TEST_CASE("What a cache refuses goes back to the spool, and comes again when the cache has said",
          "[spool_replay]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  REQUIRE(f.Append("a", "x", 1));
  f.Run(3);
  f.shards["a"].Refuse(absl::Seconds(2));
  f.Run(10);
  CHECK(f.shards["a"].held.empty());
  CHECK(f.Metric("plumbago_relay_points_spooled_total", "a") == 2);
  f.Run(15);
  REQUIRE(f.shards["a"].held.size() == 1);
  f.shards["a"].Accept();
  f.Run();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.LedgerDifference() == 0);
}

// The segment cannot go before the refused points are safe, and there is no room for them before
// the segment goes.
TEST_CASE("What a cache refuses while the spool is full waits in memory and is sent again",
          "[spool_replay]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.options.bytes_max = 4096;
  f.Start();
  uint32_t count = 0;
  while (f.Append("a", "x", count + 1)) {
    ++count;
    f.spooler->Step();  // written, so that it is the disk that is full
  }
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  REQUIRE(f.shards["a"].held.size() == count);
  for (uint32_t i = 0; i < count; ++i) f.shards["a"].Refuse(absl::Seconds(2));
  f.Run(10);
  CHECK(f.shards["a"].held.empty());
  CHECK(f.metrics.points_held.Value() > 0);
  CHECK(f.LedgerDifference() == 0);
  for (int i = 0; i < 20; ++i) {
    f.Run();
    CHECK(f.LedgerDifference() == 0);
    f.shards["a"].Accept();
  }
  f.Run();
  CHECK(f.shards["a"].points["x"].size() == count);
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.metrics.points_held.Value() == 0);
  CHECK(f.LedgerDifference() == 0);
}

TEST_CASE("A small spool gives room back before all of it is replayed", "[spool_replay]") {
  Fixture f;
  f.options.bytes_max = uint64_t{1} << 20;
  f.Start();
  for (uint32_t time = 1;; ++time) {
    auto batch = f.MakeBatch("x", time, 1, 2000);
    if (!f.spooler->SpoolOf("a").Append(batch, BatchSpool::Bounds::kKeep)) break;
    f.spooler->Step();
  }
  CHECK(f.FileCount("a", ".journal") >= 6);
  CHECK(f.FileCount("a", ".journal") <= 8);
}

TEST_CASE("The ledger balances where the slot map changes while refused points are on their way",
          "[spool_replay]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  for (uint32_t i = 1; i <= 3; ++i) REQUIRE(f.Append("a", "x", i));
  f.Run();
  REQUIRE(f.shards["a"].held.size() == 3);
  f.shards["a"].Refuse(absl::Seconds(2));  // the spooler has not heard of it yet
  f.shards["a"].Accept(1);
  f.spooler->SetSlotMap(MapOf(2, {"a"}));
  for (int i = 0; i < 5; ++i) {
    f.Run();
    CHECK(f.LedgerDifference() == 0);
    f.shards["a"].Accept();
  }
  f.Run();
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.LedgerDifference() == 0);
}

// Metric x belongs to b, and y to a.
std::shared_ptr<const topology::SlotMap> SwappedMap(uint64_t epoch) {
  const uint32_t slot_of_x = topology::SlotOf("t", "x");
  const uint32_t slot_of_y = topology::SlotOf("t", "y");
  REQUIRE(slot_of_x != slot_of_y);
  v1::TopologySnapshot proto;
  proto.set_epoch(epoch);
  for (const std::string id : {"a", "b"}) {
    v1::Shard* shard = proto.add_shard();
    shard->set_id(id);
    shard->set_cache_address("cache-" + id);
    shard->set_state(v1::Shard::ACTIVE);
  }
  const bool is_x_first = slot_of_x < slot_of_y;
  v1::SlotRange* low = proto.add_slots();
  low->set_last(std::min(slot_of_x, slot_of_y));
  low->add_shard(std::string(is_x_first ? "b" : "a"));
  v1::SlotRange* high = proto.add_slots();
  high->set_first(low->last() + 1);
  high->set_last(topology::kSlotCount - 1);
  high->add_shard(std::string(is_x_first ? "a" : "b"));
  return topology::SlotMap::FromProto(proto).value();
}

// Two spools at their bound: of a with points of x, of b with points of y.
struct FullSpools : Fixture {
  FullSpools() {
    options.bytes_max = 4096;
    Start();
    while (Append("a", "x", x_count + 1)) {
      ++x_count;
      spooler->Step();
    }
    while (Append("b", "y", y_count + 1)) {
      ++y_count;
      spooler->Step();
    }
    REQUIRE(x_count > 20);
    REQUIRE(y_count > 20);
  }
  double SpoolBytes(const std::string& shard) {
    return Metric("plumbago_relay_spool_bytes", shard);
  }
  bool is_empty() { return FileCount("a", ".journal") == 0 && FileCount("b", ".journal") == 0; }

  uint32_t x_count = 0;
  uint32_t y_count = 0;
};

TEST_CASE("Two full spools whose points belong to each other's shard empty within their bounds",
          "[spool_replay]") {
  FullSpools f;
  f.spooler->SetSlotMap(SwappedMap(1));
  for (int i = 0; i < 100; ++i) {
    f.Run(1);
    CHECK(f.SpoolBytes("a") <= 4096);
    CHECK(f.SpoolBytes("b") <= 4096);
  }
  CHECK(f.is_empty());
  CHECK(f.shards["b"].points["x"].size() == f.x_count);
  CHECK(f.shards["a"].points["y"].size() == f.y_count);
  CHECK(f.metrics.points_held.Value() == 0);
  CHECK(f.LedgerDifference() == 0);
}

TEST_CASE(
    "What goes past a full spool is held within the window, and comes again when it is refused",
    "[spool_replay]") {
  FullSpools f;
  f.shards["b"].accepts_at_once = false;
  f.spooler = nullptr;
  f.options.replay.window_bytes = 1000;
  f.Start().SetSlotMap(SwappedMap(1));
  for (int i = 0; i < 50; ++i) {
    f.Run(1);
    CHECK(f.shards["b"].held_bytes() <= 1200);
    CHECK(f.LedgerDifference() == 0);
  }
  REQUIRE(f.shards["b"].held.size() >= 2);
  while (!f.shards["b"].held.empty()) f.shards["b"].Refuse(absl::Seconds(2));
  f.Run(10);
  CHECK(f.LedgerDifference() == 0);
  for (int i = 0; i < 50; ++i) {
    f.shards["b"].Accept();
    f.Run();
    CHECK(f.LedgerDifference() == 0);
  }
  CHECK(f.is_empty());
  CHECK(f.shards["b"].points["x"].size() >= f.x_count);
  CHECK(f.shards["a"].points["y"].size() == f.y_count);
}

TEST_CASE("A slot map that comes while points go past a full spool costs none of them",
          "[spool_replay]") {
  FullSpools f;
  f.shards["b"].accepts_at_once = false;
  f.spooler->SetSlotMap(SwappedMap(1));
  f.Run(3);
  REQUIRE_FALSE(f.shards["b"].held.empty());
  f.spooler->SetSlotMap(MapOf(2, {"b"}, {"a"}));
  f.Run(1);
  CHECK(f.LedgerDifference() == 0);
  f.shards["b"].accepts_at_once = true;
  f.shards["b"].Accept();
  f.Run();
  CHECK(f.is_empty());
  CHECK(f.shards["b"].points["x"].size() >= f.x_count);
  CHECK(f.shards["a"].points["y"].size() + f.shards["b"].points["y"].size() >= f.y_count);
  CHECK(f.LedgerDifference() == 0);
}

}  // namespace
}  // namespace plumbago::relay

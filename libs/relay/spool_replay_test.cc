// Proves what becomes of points of a spool that the cache refuses for want of memory: they come
// again, a full spool does not stop that, and the ledger balances at every step.
#include "relay/spool_replay.h"

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

}  // namespace
}  // namespace plumbago::relay

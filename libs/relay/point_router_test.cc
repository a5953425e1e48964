// Proves the way of a line through the router, with streams that record what they are sent: which
// shard, which names, what is refused and counted, and when reading has to pause.
#include "relay/point_router.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "base/metrics.h"
#include "relay/testing/fake_spool.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"

namespace plumbago::relay {
namespace {

using testing::Destination;
using testing::FakeStream;
using testing::Point;
using testing::SlotMapOf;

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::map<std::string, Destination> shards;
  RouterOptions options;
  std::function<BatchSpool*(const topology::ShardInfo&)> find_spool;
  std::unique_ptr<PointRouter> router;
  LineCutter cutter;

  PointRouter& Start() {
    router = std::make_unique<PointRouter>(
        options, clock, metrics,
        RouterFactories{.make_stream =
                            [this](const topology::ShardInfo& shard) {
                              return std::make_unique<FakeStream>(shards[shard.id]);
                            },
                        .find_spool = find_spool});
    return *router;
  }
  void Feed(const std::string& text) { cutter.Feed(text, *router); }
};

constexpr size_t kMiB = size_t{1} << 20;

// Two replicas, each with a spool and 1 MiB.
struct SpoolFixture : Fixture {
  SpoolFixture() {
    options.in_flight_bytes_max = 2 * kMiB;
    find_spool = [this](const topology::ShardInfo& shard) { return &spools[shard.id]; };
    Start().SetSlotMap(SlotMapOf({"a", "b"}, 1));
  }
  ~SpoolFixture() { router.reset(); }
  std::map<std::string, testing::FakeSpool> spools;
};

TEST_CASE("PointRouter sends points with their names to the shard of the slot", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("x.y 1.5 1700000001\nx.z 2 1700000002\nx.y 3 1700000003\n");
  CHECK(f.shards["a"].batch_count == 0);  // not full, not old
  f.router->Flush();
  CHECK(f.shards["a"].points["x.y"] ==
        std::vector<Point>{{1'700'000'001, 1.5}, {1'700'000'003, 3}});
  CHECK(f.shards["a"].points["x.z"] == std::vector<Point>{{1'700'000'002, 2}});
  CHECK(f.metrics.points_received("default", Protocol::kPlaintext).Value() == 3);
}

TEST_CASE("PointRouter spreads series over shards by slot", "[relay]") {
  Fixture f;
  v1::TopologySnapshot proto;
  proto.set_epoch(1);
  for (const std::string id : {"a", "b"}) {
    v1::Shard* shard = proto.add_shard();
    shard->set_id(id);
    shard->set_state(v1::Shard::ACTIVE);
    v1::SlotRange* range = proto.add_slots();
    range->set_first(id == "a" ? 0 : 2048);
    range->set_last(id == "a" ? 2047 : 4095);
    range->add_shard(id);
  }
  f.Start().SetSlotMap(topology::SlotMap::FromProto(proto).value());
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "m." + std::to_string(i) + " 1 1700000000\n";
  f.Feed(text);
  f.router->Flush();
  for (const auto& [id, received] : f.shards) {
    for (const auto& [metric, points] : received.points) {
      CHECK((topology::SlotOf("default", metric) < 2048) == (id == "a"));
    }
  }
  CHECK(f.shards["a"].points.size() + f.shards["b"].points.size() == 1000);
  CHECK(f.shards["a"].points.size() > 400);
  CHECK(f.shards["b"].points.size() > 400);
}

TEST_CASE("PointRouter writes to every active replica", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(SlotMapOf({"a", "b", "c"}, 1, {"b"}));
  f.Feed("x 1 1700000000\nx 2 1700000001\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["x"].size() == 2);
  CHECK(f.shards["b"].points.empty());
  CHECK(f.shards["c"].points["x"].size() == 2);
}

TEST_CASE("PointRouter refuses bad lines by reason and goes on", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("good 1 1700000000\nno\na b 1700000000\na 1 x\n../etc 1 1700000000\na..b 1 1700000000\n" +
         std::string("a/b 1 1700000000\na\x01 1 1700000000\n") + std::string(9000, 'x') +
         " 1 1700000000\ngood 2 1700000001\n");
  f.router->Flush();
  CHECK(f.shards["a"].points.size() == 1);
  CHECK(f.shards["a"].points["good"].size() == 2);
  const auto dropped = [&](DropReason reason) {
    return f.metrics.dropped("default", Protocol::kPlaintext, reason).Value();
  };
  CHECK(dropped(DropReason::kFieldCount) == 1);
  CHECK(dropped(DropReason::kBadValue) == 1);
  CHECK(dropped(DropReason::kBadTimestamp) == 1);
  CHECK(dropped(DropReason::kEmptyNode) == 2);
  CHECK(dropped(DropReason::kSlashInName) == 1);
  CHECK(dropped(DropReason::kControlByte) == 1);
  CHECK(dropped(DropReason::kLineTooLong) == 1);
  CHECK(f.metrics.points_received("default", Protocol::kPlaintext).Value() == 10);
}

TEST_CASE("PointRouter sends a batch when it is full and when it is old", "[relay]") {
  Fixture f;
  f.options.batch_points_max = 3;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("x 1 1\nx 2 2\n");
  CHECK(f.shards["a"].batch_count == 0);
  f.Feed("x 3 3\nx 4 4\n");
  CHECK(f.shards["a"].batch_count == 1);
  f.clock.Advance(f.options.batch_delay);
  f.router->Tick();
  CHECK(f.shards["a"].batch_count == 2);
}

TEST_CASE("PointRouter is backlogged without a slot map and at the bound of a stream", "[relay]") {
  Fixture f;
  f.options.in_flight_bytes_max = kMiB;
  PointRouter& router = f.Start();
  CHECK(router.is_backlogged());
  router.SetSlotMap(SlotMapOf({"a"}, 1));
  CHECK_FALSE(router.is_backlogged());
  f.shards["a"].more_held_bytes = kMiB - 1;
  CHECK_FALSE(router.is_backlogged());
  f.shards["a"].more_held_bytes = kMiB;
  CHECK(router.backlog() == Backlog::kAll);
}

TEST_CASE("PointRouter is not backlogged by a shard that left the map or is excluded", "[relay]") {
  Fixture f;
  f.options.in_flight_bytes_max = 2 * kMiB;
  PointRouter& router = f.Start();
  router.SetSlotMap(SlotMapOf({"a", "b"}, 1));
  f.shards["b"].more_held_bytes = kMiB;
  CHECK(router.is_backlogged());
  router.SetSlotMap(SlotMapOf({"a", "b"}, 2, {"b"}));
  CHECK_FALSE(router.is_backlogged());
  router.SetSlotMap(SlotMapOf({"a", "b"}, 3));
  CHECK(router.is_backlogged());
  router.SetSlotMap(SlotMapOf({"a"}, 4));
  CHECK_FALSE(router.is_backlogged());
}

TEST_CASE("PointRouter brings what a shard that left the map held to the new owner", "[relay]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("x 1 1\nx 2 2\n");
  f.router->Flush();
  f.Feed("y 3 3\n");
  f.router->SetSlotMap(SlotMapOf({"b"}, 2));
  f.router->Flush();
  CHECK(f.shards["b"].points["x"] == std::vector<Point>{{1, 1}, {2, 2}});
  CHECK(f.shards["b"].points["y"] == std::vector<Point>{{3, 3}});
  CHECK(f.router->unacknowledged_bytes() == 0);
  CHECK(f.metrics.points_received("default", Protocol::kPlaintext).Value() == 3);
}

TEST_CASE("A sender who waits is told when the new owners have what a shard that left held",
          "[relay]") {
  Fixture f;
  for (const char* id : {"a", "b", "c"}) f.shards[id].accepts_at_once = false;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  const auto delivery = std::make_shared<Delivery>();
  const auto is_told = [&] { return delivery->Wait(f.clock, f.clock.Monotonic()); };
  f.router->SetDelivery(delivery);
  f.Feed("x 1 1\n");
  f.router->Flush();
  f.router->SetDelivery(nullptr);
  f.Feed("nobody.waits 1 1\n");
  f.router->SetSlotMap(SlotMapOf({"b", "c"}, 2));
  f.router->Flush();
  CHECK_FALSE(is_told());
  f.shards["b"].Accept();
  CHECK_FALSE(is_told());
  f.shards["c"].Accept();
  CHECK(is_told());
  CHECK(f.shards["b"].points.count("x") == 1);
  CHECK(f.shards["c"].points.count("nobody.waits") == 1);
}

TEST_CASE("A sender who waits is not told of points that no shard takes any more", "[relay]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  const auto delivery = std::make_shared<Delivery>();
  f.router->SetDelivery(delivery);
  f.Feed("x 1 1\n");
  f.router->Flush();
  f.router->SetDelivery(nullptr);
  f.router->SetSlotMap(SlotMapOf({"b"}, 2, {"b"}));
  f.router->Flush();
  CHECK_FALSE(delivery->Wait(f.clock, f.clock.Monotonic()));
  CHECK(f.metrics.dropped("default", Protocol::kPlaintext, DropReason::kNoActiveShard).Value() ==
        1);
}

TEST_CASE("PointRouter brings what a shard takes too slowly to its spool while another keeps up",
          "[relay]") {
  SpoolFixture f;
  f.shards["a"].more_held_bytes = kMiB;
  CHECK_FALSE(f.router->is_backlogged());
  CHECK(f.spools["a"].slow_lane_count == 1);
  f.Feed("x 1 1\n");
  f.router->Flush();
  CHECK(f.spools["a"].point_count() == 1);
  CHECK(f.shards["b"].points["x"].size() == 1);
  CHECK(f.spools["b"].point_count() == 0);
}

TEST_CASE("PointRouter lets senders wait while no shard keeps up, and spools nothing", "[relay]") {
  SpoolFixture f;
  f.shards["a"].more_held_bytes = kMiB;
  f.shards["b"].more_held_bytes = kMiB / 2;
  CHECK(f.router->backlog() == Backlog::kAll);
  CHECK(f.spools["a"].slow_lane_count == 0);
}

TEST_CASE("PointRouter refuses points for a full shard where senders cannot wait", "[relay]") {
  SpoolFixture f;
  f.shards["a"].more_held_bytes = kMiB;
  f.spools["a"].why_down = "test";
  f.spools["a"].has_room = false;
  REQUIRE(f.router->backlog() == Backlog::kFullShard);
  f.router->SetFullLanes(FullLanes::kRefuse);
  f.Feed("x 1 1\nx 2 2\n");
  f.router->SetFullLanes(FullLanes::kHold);
  f.Feed("x 3 3\n");
  f.router->Flush();
  CHECK(f.metrics.dropped(DropReason::kSpoolFull).Value() == 2);
  CHECK(f.shards["b"].points["x"].size() == 3);
  CHECK(f.shards["a"].points["x"].size() == 1);
}

TEST_CASE("PointRouter gives everything to the spools at its end", "[relay]") {
  SpoolFixture f;
  f.shards["a"].accepts_at_once = false;
  f.Feed("x 1 1\n");
  f.router->Flush();
  f.Feed("x 2 2\n");
  f.router->SpoolEverything();
  CHECK(f.spools["a"].point_count() == 2);
  CHECK(f.router->unacknowledged_bytes() == 0);
}

TEST_CASE("PointRouter learns names again after a new slot map", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("x 1 1\n");
  f.router->SetSlotMap(SlotMapOf({"b"}, 2));
  f.Feed("x 2 2\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.shards["b"].points["x"] == std::vector<Point>{{2, 2}});
}

TEST_CASE("PointRouter forgets its names when they outgrow their bound", "[relay]") {
  Fixture f;
  f.options.dictionary_bytes_max = 512 << 10;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  for (int i = 0; i < 20'000; ++i) f.Feed("metric." + std::to_string(i) + " 1 1700000000\n");
  f.router->Flush();
  CHECK(f.shards["a"].points.size() == 20'000);
  CHECK(f.shards["a"].generations.size() > 1);
  CHECK(f.metrics.dictionary_resets.Value() >= 1);
}

TEST_CASE("PointRouter makes one series of two spellings of the same tags", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(SlotMapOf({"a"}, 1));
  f.Feed("m;b=2;a=1 1 1\nm;a=1;b=2 2 2\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["m;a=1;b=2"] == std::vector<Point>{{1, 1}, {2, 2}});
}

}  // namespace
}  // namespace plumbago::relay

// Proves what becomes of points that the relay itself makes: their way to the shard, what happens
// while no shard takes any, and that a stop loses none.
#include "relay/internal_source.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "base/metrics.h"
#include "relay/testing/fake_spool.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"

namespace plumbago::relay {
namespace {

using testing::Destination;
using testing::Point;

// Gives one point a turn, with the number of the turn as value.
class Counting final : public PointProducer {
 public:
  void Produce(Turn turn, InternalSink& sink) override {
    ++turn_count;
    last_turn = turn;
    last_drop = sink.Give({tenant, metric, 1'700'000'000, static_cast<double>(turn_count)});
  }
  std::string tenant = "default";
  std::string metric = "own.x";
  int turn_count = 0;
  Turn last_turn = Turn::kRegular;
  std::optional<DropReason> last_drop;
};

struct Fixture {
  Fixture() { source.AddProducer(producer); }

  void SetShards(const std::vector<std::string>& ids) {
    source.VisitRouter([&](PointRouter& router) { router.SetSlotMap(testing::SlotMapOf(ids)); });
  }
  double Received() { return metrics.points_received("default", Protocol::kInternal).Value(); }

  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::map<std::string, Destination> shards;
  std::map<std::string, testing::FakeSpool> spools;
  Counting producer;
  InternalSource source{
      {},
      clock,
      metrics,
      {.make_stream =
           [this](const topology::ShardInfo& shard) {
             return std::make_unique<testing::FakeStream>(shards[shard.id]);
           },
       .find_spool = [this](const topology::ShardInfo& shard) { return &spools[shard.id]; }}};
};

TEST_CASE("InternalSource sends what a producer gives at once, under a protocol of its own",
          "[relay]") {
  Fixture f;
  f.SetShards({"a"});
  f.source.RunTurn();
  f.source.RunTurn();
  CHECK(f.shards["a"].points["own.x"] ==
        std::vector<Point>{{1'700'000'000, 1}, {1'700'000'000, 2}});
  CHECK(f.Received() == 2);
  CHECK(f.source.known_series() == 1);
}

TEST_CASE("InternalSource does not ask producers while there is no shard", "[relay]") {
  Fixture f;
  f.source.RunTurn();
  CHECK(f.producer.turn_count == 0);
  f.SetShards({"a"});
  f.source.RunTurn();
  CHECK(f.producer.turn_count == 1);
}

TEST_CASE("InternalSource tells a producer why its point was refused, and counts it", "[relay]") {
  Fixture f;
  f.SetShards({"a"});
  f.producer.metric = "own..x";
  f.source.RunTurn();
  CHECK(f.producer.last_drop == DropReason::kEmptyNode);
  CHECK(f.metrics.dropped("default", Protocol::kInternal, DropReason::kEmptyNode).Value() == 1);
}

TEST_CASE("InternalSource asks a last time when it drains and leaves the rest to the spool",
          "[relay]") {
  Fixture f;
  f.SetShards({"a"});
  f.shards["a"].accepts_at_once = false;
  f.source.RunTurn();
  CHECK(f.source.unacknowledged_bytes() > 0);
  CHECK(f.source.Drain(f.clock.Monotonic()) == 0);
  CHECK(f.producer.last_turn == PointProducer::Turn::kLast);
  CHECK(f.spools["a"].point_count() == 2);
}

TEST_CASE("InternalSource asks its producers on its own thread until it is drained", "[relay]") {
  base::SystemClock clock;
  base::Metrics registry;
  RelayMetrics metrics(registry, "default");
  Destination destination;
  Counting producer;
  InternalSource source({.router = {}, .interval = absl::Milliseconds(1)}, clock, metrics,
                        {.make_stream = [&](const topology::ShardInfo&) {
                          return std::make_unique<testing::FakeStream>(destination);
                        }});
  source.AddProducer(producer);
  source.Start();
  CHECK(source.Drain(clock.Monotonic() + absl::Seconds(10)) == 0);
  CHECK(producer.last_turn == PointProducer::Turn::kLast);
}

}  // namespace
}  // namespace plumbago::relay

// Proves the way of a line through the router, with streams that record what they are sent: which
// shard, which names, what is refused and counted, and when reading has to pause.
#include "relay/point_router.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "base/metrics.h"

namespace plumbago::relay {
namespace {

struct Point {
  uint32_t time;
  double value;
  bool operator==(const Point& other) const { return time == other.time && value == other.value; }
};

// What one shard has received, by metric.
struct Received {
  std::map<std::string, std::vector<Point>> points;
  size_t batch_count = 0;
  std::set<const NameTable*> generations;
  size_t held_bytes = 0;
};

class RecordingStream final : public BatchStream {
 public:
  explicit RecordingStream(Received& received) : received_(received) {}
  void Send(std::unique_ptr<Batch> batch) override {
    ++received_.batch_count;
    received_.generations.insert(batch->names.get());
    for (size_t i = 0; i < batch->point_count(); ++i) {
      const SeriesName name = batch->names->Get(batch->series_id[i]);
      received_.points[std::string(name.metric)].push_back(
          {batch->time_seconds[i], batch->value[i]});
    }
  }
  size_t unacknowledged_bytes() const override { return received_.held_bytes; }

 private:
  Received& received_;
};

std::shared_ptr<const topology::SlotMap> MapOf(uint64_t epoch,
                                               const std::vector<std::string>& replica_set,
                                               const std::set<std::string>& excluded = {}) {
  v1::TopologySnapshot proto;
  proto.set_epoch(epoch);
  v1::SlotRange* range = proto.add_slots();
  range->set_last(topology::kSlotCount - 1);
  for (const std::string& id : replica_set) {
    v1::Shard* shard = proto.add_shard();
    shard->set_id(id);
    shard->set_cache_address("cache-" + id);
    shard->set_store_address("store-" + id);
    shard->set_state(excluded.count(id) > 0 ? v1::Shard::EXCLUDED : v1::Shard::ACTIVE);
    range->add_shard(id);
  }
  return topology::SlotMap::FromProto(proto).value();
}

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::map<std::string, Received> shards;
  RouterOptions options;
  std::unique_ptr<PointRouter> router;
  LineCutter cutter;

  PointRouter& Start() {
    router = std::make_unique<PointRouter>(
        options, clock, metrics, [this](const topology::ShardInfo& shard) {
          return std::make_unique<RecordingStream>(shards[shard.id]);
        });
    return *router;
  }
  void Feed(const std::string& text) { cutter.Feed(text, *router); }
};

TEST_CASE("PointRouter sends points with their names to the shard of the slot", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
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
  f.Start().SetSlotMap(MapOf(1, {"a", "b", "c"}, {"b"}));
  f.Feed("x 1 1700000000\nx 2 1700000001\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["x"].size() == 2);
  CHECK(f.shards["b"].points.empty());
  CHECK(f.shards["c"].points["x"].size() == 2);
}

TEST_CASE("PointRouter refuses bad lines by reason and goes on", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
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
  f.Start().SetSlotMap(MapOf(1, {"a"}));
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
  f.options.in_flight_bytes_max = 1000;
  PointRouter& router = f.Start();
  CHECK(router.is_backlogged());
  router.SetSlotMap(MapOf(1, {"a"}));
  CHECK_FALSE(router.is_backlogged());
  f.shards["a"].held_bytes = 999;
  CHECK_FALSE(router.is_backlogged());
  f.shards["a"].held_bytes = 1000;
  CHECK(router.is_backlogged());
}

TEST_CASE("PointRouter is not backlogged by a shard that left the map or is excluded", "[relay]") {
  Fixture f;
  f.options.in_flight_bytes_max = 1000;
  PointRouter& router = f.Start();
  router.SetSlotMap(MapOf(1, {"a", "b"}));
  f.shards["b"].held_bytes = 1000;
  CHECK(router.is_backlogged());
  router.SetSlotMap(MapOf(2, {"a", "b"}, {"b"}));
  CHECK_FALSE(router.is_backlogged());
  router.SetSlotMap(MapOf(3, {"a", "b"}));
  CHECK(router.is_backlogged());
  router.SetSlotMap(MapOf(4, {"a"}));
  CHECK_FALSE(router.is_backlogged());
}

TEST_CASE("PointRouter learns names again after a new slot map", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.Feed("x 1 1\n");
  f.router->SetSlotMap(MapOf(2, {"b"}));
  f.Feed("x 2 2\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.shards["b"].points["x"] == std::vector<Point>{{2, 2}});
}

TEST_CASE("PointRouter forgets its names when they outgrow their bound", "[relay]") {
  Fixture f;
  f.options.dictionary_bytes_max = 512 << 10;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  for (int i = 0; i < 20'000; ++i) f.Feed("metric." + std::to_string(i) + " 1 1700000000\n");
  f.router->Flush();
  CHECK(f.shards["a"].points.size() == 20'000);
  CHECK(f.shards["a"].generations.size() > 1);
  CHECK(f.metrics.dictionary_resets.Value() >= 1);
}

TEST_CASE("PointRouter makes one series of two spellings of the same tags", "[relay]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.Feed("m;b=2;a=1 1 1\nm;a=1;b=2 2 2\n");
  f.router->Flush();
  CHECK(f.shards["a"].points["m;a=1;b=2"] == std::vector<Point>{{1, 1}, {2, 2}});
}

}  // namespace
}  // namespace plumbago::relay

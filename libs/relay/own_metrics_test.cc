// Proves which points the relay writes about itself, and when, with a router whose shard records
// them.
#include "relay/own_metrics.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/metrics.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"

namespace plumbago::relay {
namespace {

using testing::Destination;
using testing::Point;

constexpr uint32_t kMinute = 1'700'000'040;  // a full one

struct Fixture {
  Fixture() { router.SetSlotMap(testing::SlotMapOf()); }
  const std::vector<Point>& Turn(const std::string& metric) {
    InternalSink sink(router);
    router.Tick();
    own.Produce(PointProducer::Turn::kRegular, sink);
    router.Flush();
    return destination.points[metric];
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(kMinute + 10)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  Destination destination;
  PointRouter router{{}, clock, metrics, {.make_stream = [this](const topology::ShardInfo&) {
                       return std::make_unique<testing::FakeStream>(destination);
                     }}};
  OwnMetrics own{{.interval = absl::Minutes(1), .prefix = "p.host", .tenant = "default"}, clock};
};

TEST_CASE("OwnMetrics writes a point per interval, at its full multiples", "[relay]") {
  Fixture f;
  f.own.AddCollector([](OwnMetricsReport& report) { report.Gauge("x", 5); });
  CHECK(f.Turn("p.host.x").empty());  // begins with the next interval
  f.clock.Advance(absl::Seconds(49));
  CHECK(f.Turn("p.host.x").empty());
  f.clock.Advance(absl::Seconds(1));
  CHECK(f.Turn("p.host.x") == std::vector<Point>{{kMinute + 60, 5}});
  CHECK(f.Turn("p.host.x").size() == 1);
  f.clock.Advance(absl::Seconds(150));  // late: one point for the time that was left out
  CHECK(f.Turn("p.host.x") == std::vector<Point>{{kMinute + 60, 5}, {kMinute + 180, 5}});
}

TEST_CASE("OwnMetrics writes counters as what was added since the point before", "[relay]") {
  Fixture f;
  double total = 100;
  f.own.AddCollector([&](OwnMetricsReport& report) { report.Counter("n", total); });
  const auto next = [&](double value) {
    total = value;
    f.clock.Advance(absl::Minutes(1));
    return f.Turn("p.host.n").back().value;
  };
  CHECK(next(100) == 100);
  CHECK(next(130) == 30);
  CHECK(next(130) == 0);
  CHECK(next(7) == 7);  // it has begun again
}

TEST_CASE("OwnMetrics writes no last point for a part of an interval", "[relay]") {
  Fixture f;
  f.own.AddCollector([](OwnMetricsReport& report) { report.Gauge("x", 5); });
  f.clock.Advance(absl::Minutes(1));
  InternalSink sink(f.router);
  f.own.Produce(PointProducer::Turn::kLast, sink);
  f.router.Flush();
  CHECK(f.destination.points.empty());
}

TEST_CASE("ResolvePrefix puts the host into the prefix as one node, as carbon does", "[relay]") {
  CHECK(*ResolvePrefix("plumbago.relay.{host}", "web01.example.com") ==
        "plumbago.relay.web01_example_com");
  CHECK(*ResolvePrefix("carbon.relays.x-a", "web01") == "carbon.relays.x-a");
  for (const char* bad : {"", "a..b", "a.", "a b", "a;b=c", "{hots}", "a/b"}) {
    CAPTURE(bad);
    CHECK(absl::IsInvalidArgument(ResolvePrefix(bad, "web01").status()));
  }
}

}  // namespace
}  // namespace plumbago::relay

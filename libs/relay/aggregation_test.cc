// Proves that what aggregation rules emit comes back into the relay: when it is due, before a stop,
// and by the rules that made it when they are replaced. Simulated time, no thread.
#include "relay/aggregation.h"

#include <catch2/catch.hpp>
#include <string>

#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"
#include "routing/carbon_files.h"

namespace plumbago::relay {
namespace {

using testing::Destination;
using testing::FakeStream;

constexpr uint32_t kNow = 1'700'000'000;

std::shared_ptr<const routing::RouteTable> Sum(const std::string& output) {
  routing::CarbonFiles files;
  files.aggregation_rules.text = output + " (10) = sum in.*\n";
  return routing::ParseCarbonFiles(files).value();
}

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  Destination shard;
  std::shared_ptr<routing::Aggregator> aggregator =
      std::make_shared<routing::Aggregator>(routing::AggregatorOptions(), clock);
  Aggregation aggregation{aggregator, registry};
  std::unique_ptr<InternalSource> source;

  Fixture() {
    InternalSourceOptions options;
    options.router.rules = Sum("out");
    options.router.aggregator = aggregator;
    source = std::make_unique<InternalSource>(options, clock, metrics,
                                              RouterFactories{.make_stream = [this](const auto&) {
                                                return std::make_unique<FakeStream>(shard);
                                              }});
    source->AddProducer(aggregation);
    source->VisitRouter([&](PointRouter& router) {
      router.SetSlotMap(testing::SlotMapOf());
      router.OnPoint("in.a", kNow, 1);
      router.OnPoint("in.b", kNow, 2);
      router.Flush();
    });
  }
  std::vector<testing::Point> Of(const std::string& metric) {
    source->VisitRouter([](PointRouter& router) { router.Flush(); });
    return shard.points[metric];
  }
};

TEST_CASE("Aggregation gives what is due to the relay", "[relay][rules]") {
  Fixture f;
  f.source->RunTurn();
  CHECK(f.Of("out").empty());
  f.clock.Advance(absl::Seconds(11));
  f.source->RunTurn();
  CHECK(f.Of("out") == std::vector<testing::Point>{{kNow, 3}});
  CHECK(f.shard.points["in.a"].size() == 1);
  CHECK(f.metrics.points_received("default", Protocol::kInternal).Value() == 1);
}

TEST_CASE("Aggregation gives everything before the relay stops", "[relay][rules]") {
  Fixture f;
  CHECK(f.source->Drain(f.clock.Monotonic() + absl::Seconds(1)) == 0);
  CHECK(f.shard.points["out"] == std::vector<testing::Point>{{kNow, 3}});
}

TEST_CASE("Aggregation writes what a removed rule has collected", "[relay][rules]") {
  Fixture f;
  const auto table = Sum("other");
  f.source->VisitRouter([&](PointRouter& router) {
    InternalSink sink(router);
    f.aggregation.Keep(table->aggregates(), sink);
    router.SetRouteTable(table);
  });
  CHECK(f.Of("out") == std::vector<testing::Point>{{kNow, 3}});
  CHECK(f.aggregator->output_count() == 0);
}

}  // namespace
}  // namespace plumbago::relay

// Proves what operators are told about a metric: its rules, names, slot, destinations with their
// state, limits, and why it goes nowhere.
#include "relay/explain.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/metrics.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"
#include "routing/carbon_c_relay.h"

namespace plumbago::relay {
namespace {

using testing::Destination;
using testing::FakeStream;

constexpr char kRules[] =
    "cluster far forward h1:2003;"
    "match ^noise send to blackhole stop;"
    "rewrite ^old\\. into new.;"
    "aggregate ^new\\. every 10 seconds expire after 20 seconds compute sum write to all.new send "
    "to "
    "shards;"
    "match * validate ^[0-9] else drop send to far shards;";

struct Fixture {
  base::SystemClock clock;
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  Destination shard;
  Destination host;
  std::unique_ptr<PointRouter> router;
  ExplainContext context{.default_tenant = "default", .default_rates = {.points_per_second = 7}};

  Fixture() {
    RouterOptions options;
    options.rules = routing::ParseCarbonCRelayConfig(kRules, "r.conf", {})->table;
    options.aggregator = std::make_shared<routing::Aggregator>(routing::AggregatorOptions(), clock);
    RouterFactories factories;
    factories.make_stream = [this](const auto&) { return std::make_unique<FakeStream>(shard); };
    factories.make_endpoint_stream = [this](const auto&) {
      return std::make_unique<FakeStream>(host);
    };
    router = std::make_unique<PointRouter>(options, clock, metrics, std::move(factories));
  }
  void SetMap() { router->SetSlotMap(testing::SlotMapOf()); }
  absl::StatusOr<v1::ExplainResponse> Ask(const std::string& metric,
                                          const std::string& tenant = "") {
    v1::ExplainRequest request;
    request.set_metric(metric);
    request.set_tenant(tenant);
    return Explain(*router, context, request);
  }
};

TEST_CASE("Explain tells names, conditions, destinations and aggregates", "[relay][rules]") {
  Fixture f;
  f.SetMap();
  f.host.is_failing = true;
  f.host.more_held_bytes = 1;
  const auto response = f.Ask("old.x;b=1;a=2");
  REQUIRE(response.ok());
  CHECK(response->tenant() == "default");
  CHECK(response->canonical() == "old.x;a=2;b=1");
  CHECK(response->steps_size() >= 3);
  REQUIRE(response->targets_size() == 2);
  CHECK(response->targets(0).name() == "h1:2003");
  CHECK(response->targets(0).state() == "down");
  CHECK(response->targets(1).name() == "shard a");
  CHECK(response->targets(1).state() == "up");
  CHECK(response->targets(1).metric() == "new.x;a=2;b=1");
  CHECK(response->targets(1).condition() == "value and timestamp match ^[0-9]");
  CHECK(response->slot() == topology::SlotOf("default", "new.x;a=2;b=1"));
  REQUIRE(response->aggregate_size() == 1);
  CHECK(response->aggregate(0) == "all.new");
  CHECK(response->drop_reason().empty());
  CHECK(response->limits(0).value() == "7");
  CHECK(response->limits(0).origin() == "relay");
  CHECK(response->limits(1).value() == "none");
}

TEST_CASE("Explain tells why a metric goes nowhere", "[relay][rules]") {
  Fixture f;
  f.SetMap();
  CHECK(f.Ask("noise.x")->drop_reason() == "blackhole");
  CHECK(f.Ask("noise.x")->targets_size() == 0);
}

TEST_CASE("Explain refuses what cannot be answered", "[relay][rules]") {
  Fixture f;
  CHECK(absl::IsUnavailable(f.Ask("a").status()));  // no slot map
  f.SetMap();
  CHECK(absl::IsInvalidArgument(f.Ask("a..b").status()));
  CHECK(absl::IsNotFound(f.Ask("a", "nobody").status()));
}

TEST_CASE("PointRouter tells the names that points have come by", "[relay][rules]") {
  Fixture f;
  f.SetMap();
  CHECK(f.router->OnPoint("old.x", 1, 1) == std::nullopt);
  CHECK(f.router->OnPoint("noise.x", 1, 1) == DropReason::kBlackhole);
  const auto live = f.router->live_names();
  REQUIRE(live.size() == 1);
  REQUIRE(live[0].count == 2);
  CHECK(live[0].names->Get(0).metric == "old.x");
  CHECK(live[0].names->Get(1).metric == "noise.x");
  f.router->SetRouteTable(nullptr);
  CHECK(f.router->OnPoint("y", 1, 1) == std::nullopt);
  CHECK(f.router->live_names()[0].names->Get(0).metric == "y");
}

}  // namespace
}  // namespace plumbago::relay

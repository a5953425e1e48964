// Proves what a router makes of rules: names rewritten, refused and aggregated, points to foreign
// endpoints beside our shards, what stands in for an endpoint that is down or full, and new rules
// while points are held. Streams and spools record what they are given.
#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "base/metrics.h"
#include "relay/aggregate_key.h"
#include "relay/point_router.h"
#include "relay/testing/fake_spool.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"
#include "routing/carbon_c_relay.h"
#include "routing/carbon_files.h"

namespace plumbago::relay {
namespace {

using routing::CarbonFiles;
using routing::RelayMethod;
using testing::Destination;
using testing::FakeSpool;
using testing::FakeStream;
using testing::Point;
using Rules = std::shared_ptr<const routing::RouteTable>;

constexpr size_t kMiB = size_t{1} << 20;
constexpr uint32_t kNow = 1'700'000'000;

Rules RelayRules(const std::string& text) {
  CarbonFiles files;
  files.method = RelayMethod::kRules;
  files.relay_rules.text = text;
  return routing::ParseCarbonFiles(files).value();
}

Rules CRelay(const std::string& text) {
  return routing::ParseCarbonCRelayConfig(text, "relay.conf", {})->table;
}

const char kWebAndShards[] = R"(
[web]
pattern = ^web
destinations = h1:2004, h2:2004
continue = true
[all]
default = true
destinations = shards
)";
const char kFailover[] = "cluster f failover h1:2003 h2:2003; match * send to f;";

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::map<std::string, Destination> shards;
  std::map<std::string, Destination> hosts;  // by Describe()
  std::map<std::string, FakeSpool> spools;   // of hosts
  bool has_spools = false;
  RouterOptions options;
  std::unique_ptr<PointRouter> router;
  LineCutter cutter;

  Fixture() {
    options.in_flight_bytes_max = 4 * kMiB;
    options.aggregator = std::make_shared<routing::Aggregator>(routing::AggregatorOptions(), clock);
  }
  ~Fixture() { router.reset(); }

  PointRouter& Start(const Rules& rules) {
    RouterFactories factories;
    factories.make_stream = [this](const topology::ShardInfo& shard) {
      return std::make_unique<FakeStream>(shards[shard.id]);
    };
    factories.make_endpoint_stream = [this](const routing::Endpoint& endpoint) {
      return std::make_unique<FakeStream>(hosts[Describe(endpoint)]);
    };
    factories.find_endpoint_spool = [this](const routing::Endpoint& endpoint) -> BatchSpool* {
      return has_spools ? &spools[Describe(endpoint)] : nullptr;
    };
    router = std::make_unique<PointRouter>(options, clock, metrics, std::move(factories));
    router->SetRouteTable(rules);
    router->SetSlotMap(testing::SlotMapOf());
    return *router;
  }
  void Feed(const std::string& text) {
    cutter.Feed(text, *router);
    router->Flush();
  }
  double Dropped(DropReason reason) { return metrics.dropped(reason).Value(); }
};

TEST_CASE("PointRouter sends to foreign endpoints beside our shards", "[relay][rules]") {
  Fixture f;
  f.Start(RelayRules(kWebAndShards));
  f.Feed("web.a 1 1\ndb.a 2 2\nweb.a 3 3\n");
  for (const char* host : {"pickle://h1:2004", "pickle://h2:2004"}) {
    CHECK(f.hosts[host].points ==
          std::map<std::string, std::vector<Point>>{{"web.a", {{1, 1}, {3, 3}}}});
  }
  CHECK(f.shards["a"].points["web.a"].size() == 2);
  CHECK(f.shards["a"].points["db.a"].size() == 1);
  CHECK(f.metrics.points_received("default", Protocol::kPlaintext).Value() == 3);
}

TEST_CASE("PointRouter counts what the rules refuse, each point of it", "[relay][rules]") {
  Fixture f;
  CarbonFiles files;
  files.blacklist.text = "^bad\n";
  files.whitelist.text = "^good\n^bad\n";
  PointRouter& router = f.Start(routing::ParseCarbonFiles(files).value());
  f.Feed("bad.a 1 1\ngood.a 1 1\nother 1 1\nbad.a 2 2\n");
  CHECK(f.Dropped(DropReason::kBlacklist) == 2);
  CHECK(f.Dropped(DropReason::kNotInWhitelist) == 1);
  CHECK(f.shards["a"].points.size() == 1);
  CHECK(router.known_series() == 3);  // a verdict is kept
  CHECK(router.OnPoint("bad.a", 3, 3) == DropReason::kBlacklist);
}

TEST_CASE("PointRouter stores a rewritten name, and refuses one that is none", "[relay][rules]") {
  Fixture f;
  CarbonFiles files;
  files.rewrite_rules.text = "[pre]\n^old\\. = new.\n^cut = a..b\n^tags = m;z=1;b=2\n";
  f.Start(routing::ParseCarbonFiles(files).value());
  f.Feed("old.x 1 1\ncut 1 1\ntags 1 1\nold.x 2 2\ncut 2 2\n");
  CHECK(f.shards["a"].points["new.x"] == std::vector<Point>{{1, 1}, {2, 2}});
  CHECK(f.shards["a"].points["m;b=2;z=1"].size() == 1);
  CHECK(f.shards["a"].points.size() == 2);
  CHECK(f.Dropped(DropReason::kEmptyNode) == 2);
}

TEST_CASE("PointRouter sends a metric by several names", "[relay][rules]") {
  Fixture f;
  f.Start(CRelay("match ^a send to shards; rewrite ^a into b; match ^b send to shards;"));
  f.Feed("a.x 1 1\n");
  CHECK(f.shards["a"].points["a.x"] == std::vector<Point>{{1, 1}});
  CHECK(f.shards["a"].points["b.x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("PointRouter applies the rules to the tenants that they are for", "[relay][rules]") {
  CarbonFiles files;
  files.blacklist.text = "x\n";
  const Rules rules = routing::ParseCarbonFiles(files).value();
  const auto stored = [&](const std::vector<std::string>& tenants) {
    Fixture f;
    f.options.rules_tenants = tenants;
    PointRouter& router = f.Start(rules);
    router.SetSource({.tenant = router.TenantOf("acme")});
    f.Feed("x 1 1\n");
    return f.shards["a"].points.size();
  };
  CHECK(stored({}) == 1);
  CHECK(stored({"default"}) == 1);
  CHECK(stored({"default", "acme"}) == 0);
  CHECK(stored({"*"}) == 0);
}

TEST_CASE("PointRouter tries a check on the data as they were written", "[relay][rules]") {
  Fixture f;
  f.Start(CRelay("match * validate ^[0-9.]+\\ 17[0-9]+$ else drop send to shards stop;"));
  f.Feed("a 1.50 1700000000\na 1e3 1700000000\na 2 1600000000\n");
  CHECK(f.shards["a"].points["a"] == std::vector<Point>{{1'700'000'000, 1.5}});
  CHECK(f.Dropped(DropReason::kInvalidData) == 2);
  CHECK(f.router->OnPoint("a", 1'700'000'001, 0.25) == std::nullopt);  // "0.25 1700000001"
  CHECK(f.router->OnPoint("a", 1'700'000'001, -1) == DropReason::kInvalidData);
}

TEST_CASE("PointRouter cannot write a blank in a name to a line", "[relay][rules]") {
  Fixture f;
  f.Start(CRelay("cluster l forward h1:2003; match * send to l shards;"));
  CHECK(f.router->OnPoint("a b", 1, 1) == std::nullopt);
  f.router->Flush();
  CHECK(f.shards["a"].points["a b"].size() == 1);
  CHECK(f.hosts["h1:2003"].points.empty());
  CHECK(f.Dropped(DropReason::kBlankInName) == 1);
}

TEST_CASE("PointRouter drops for a full foreign endpoint, and our shards go on", "[relay][rules]") {
  Fixture f;
  f.Start(RelayRules(kWebAndShards));
  f.hosts["pickle://h1:2004"].more_held_bytes = 8 * kMiB;
  CHECK(f.router->backlog() == Backlog::kNone);
  f.Feed("web.a 1 1\n");
  CHECK(f.hosts["pickle://h1:2004"].points.empty());
  CHECK(f.hosts["pickle://h2:2004"].points["web.a"].size() == 1);
  CHECK(f.shards["a"].points["web.a"].size() == 1);
  CHECK(f.Dropped(DropReason::kDestinationFull) == 1);
  f.hosts["pickle://h1:2004"].more_held_bytes = 0;
  f.router->Tick();
  f.Feed("web.a 2 2\n");
  CHECK(f.hosts["pickle://h1:2004"].points["web.a"] == std::vector<Point>{{2, 2}});
}

TEST_CASE("PointRouter lets senders wait for a full foreign endpoint where told to",
          "[relay][rules]") {
  Fixture f;
  f.options.foreign_full = ForeignFull::kPause;
  f.Start(RelayRules(kWebAndShards));
  f.hosts["pickle://h1:2004"].more_held_bytes = 8 * kMiB;
  CHECK(f.router->backlog() == Backlog::kFullShard);
  f.Feed("web.a 1 1\n");  // was read already
  CHECK(f.Dropped(DropReason::kDestinationFull) == 0);
  f.router->SetFullLanes(FullLanes::kRefuse);
  f.Feed("web.a 2 2\n");
  CHECK(f.Dropped(DropReason::kDestinationFull) == 1);
}

TEST_CASE("PointRouter spools for a slow foreign endpoint at once", "[relay][rules]") {
  Fixture f;
  f.has_spools = true;
  f.Start(RelayRules(kWebAndShards));
  f.hosts["pickle://h1:2004"].more_held_bytes = 8 * kMiB;
  CHECK(f.router->backlog() == Backlog::kNone);
  f.Feed("web.a 1 1\n");
  CHECK(f.spools["pickle://h1:2004"].point_count() == 1);
  CHECK(f.Dropped(DropReason::kDestinationFull) == 0);
}

TEST_CASE("PointRouter fails over to the next host that is up, and back", "[relay][rules]") {
  Fixture f;
  f.Start(CRelay(kFailover));
  Destination& first = f.hosts["h1:2003"];
  first.accepts_at_once = false;
  f.Feed("a 1 1\n");
  first.is_failing = true;
  f.router->Tick();
  f.Feed("a 2 2\na 3 3\n");
  CHECK(f.hosts["h2:2003"].points["a"] == std::vector<Point>{{2, 2}, {3, 3}});
  first.is_failing = false;
  first.Accept();
  f.router->Tick();
  f.Feed("a 4 4\n");
  first.Accept();
  CHECK(first.points["a"] == std::vector<Point>{{1, 1}, {4, 4}});
  CHECK(f.hosts["h2:2003"].points["a"].size() == 2);
}

TEST_CASE("PointRouter gives the points of a host of any_of that is down to one other",
          "[relay][rules]") {
  Fixture f;
  f.Start(CRelay("cluster c any_of h1:2003 h2:2003 h3:2003; match * send to c;"));
  std::string text;
  for (int i = 0; i < 30; ++i) text += "m." + std::to_string(i) + " 1 1\n";
  f.Feed(text);
  const size_t of_first = f.hosts["h1:2003"].points.size();
  REQUIRE(of_first > 0);
  REQUIRE(of_first < 30);
  f.hosts["h1:2003"].is_failing = true;
  f.hosts["h1:2003"].more_held_bytes = 1;
  f.router->Tick();
  f.Feed(text);
  size_t second_time = 0;
  for (auto& [host, destination] : f.hosts) {
    for (const auto& [metric, points] : destination.points) second_time += points.size();
  }
  CHECK(f.hosts["h1:2003"].points.size() == of_first);
  CHECK(second_time == 60);
}

TEST_CASE("PointRouter keeps what an endpoint holds through new rules", "[relay][rules]") {
  Fixture f;
  f.Start(RelayRules(kWebAndShards));
  f.hosts["pickle://h1:2004"].accepts_at_once = false;
  f.hosts["pickle://h2:2004"].accepts_at_once = false;
  f.Feed("web.a 1 1\nweb.a 2 2\n");
  f.router->SetRouteTable(RelayRules("[all]\ndefault = true\ndestinations = h1:2004, shards\n"));
  CHECK(f.hosts["pickle://h1:2004"].stream_count == 1);
  f.hosts["pickle://h1:2004"].Accept();
  CHECK(f.hosts["pickle://h1:2004"].points["web.a"].size() == 2);
  // The other one left, without a spool.
  f.Feed("db.a 3 3\n");
  f.hosts["pickle://h1:2004"].Accept();
  CHECK(f.Dropped(DropReason::kDestinationRemoved) == 2);
  CHECK(f.hosts["pickle://h1:2004"].points["db.a"].size() == 1);
}

TEST_CASE("PointRouter leaves what a removed endpoint held to its spool", "[relay][rules]") {
  Fixture f;
  f.has_spools = true;
  f.Start(RelayRules(kWebAndShards));
  f.hosts["pickle://h2:2004"].accepts_at_once = false;
  f.Feed("web.a 1 1\n");
  f.router->SetRouteTable(nullptr);
  CHECK(f.spools["pickle://h2:2004"].point_count() == 1);
  CHECK(f.Dropped(DropReason::kDestinationRemoved) == 0);
  f.Feed("web.a 2 2\n");
  CHECK(f.shards["a"].points["web.a"].size() == 2);
}

TEST_CASE("PointRouter does not apply rules a second time to points of a shard that left",
          "[relay][rules]") {
  Fixture f;
  CarbonFiles files;
  files.rewrite_rules.text = "[pre]\n^a = a.a\n";
  f.Start(routing::ParseCarbonFiles(files).value());
  f.shards["a"].accepts_at_once = false;
  f.Feed("a 1 1\n");
  f.router->SetSlotMap(testing::SlotMapOf({"b"}, 2));
  f.router->Flush();
  CHECK(f.shards["b"].points["a.a"].size() == 1);
  CHECK(f.shards["b"].points.size() == 1);
}

TEST_CASE("PointRouter needs no slot map where no rule sends to shards", "[relay][rules]") {
  Fixture f;
  f.Start(CRelay(kFailover)).SetSlotMap(nullptr);
  CHECK(f.router->backlog() == Backlog::kNone);
  f.Feed("a 1 1\n");
  CHECK(f.hosts["h1:2003"].points["a"].size() == 1);
}

TEST_CASE("PointRouter feeds aggregates by tenant and sends on what they emit", "[relay][rules]") {
  Fixture f;
  f.options.rules_tenants = {"*"};
  CarbonFiles files;
  files.aggregation_rules.text = "<env>.all (10) = sum <env>.<<rest>>\n";
  const Rules rules = routing::ParseCarbonFiles(files).value();
  PointRouter& router = f.Start(rules);
  const std::string now = std::to_string(kNow);
  f.Feed("prod.a 1 " + now + "\nprod.b 2 " + now + "\nprod.a 5 " + std::to_string(kNow - 900) +
         "\n");
  router.SetSource({.tenant = router.TenantOf("acme")});
  f.Feed("prod.a 10 " + now + "\n");
  CHECK(f.Dropped(DropReason::kAggregateLate) == 1);
  CHECK(f.metrics.points_aggregated.Value() == 3);
  CHECK(f.metrics.points_replicated.Value() ==
        4);  // to the shard and to the rule, the late one too
  CHECK(f.shards["a"].points["prod.a"].size() == 3);  // the metric itself goes on
  std::map<std::string, double> sums;
  for (const auto& emission : f.options.aggregator->TakeAll()) {
    const TenantMetric name = SplitAggregateKey(emission.name);
    sums[std::string(name.tenant) + ":" + std::string(name.metric)] = emission.value;
    CHECK(router.OnAggregate(*emission.spec, name.metric, kNow, emission.value) == std::nullopt);
  }
  CHECK(sums == std::map<std::string, double>{{"default:prod.all", 3}, {"acme:prod.all", 10}});
  router.Flush();
  CHECK(f.shards["a"].points["prod.all"].size() == 2);
}

TEST_CASE("PointRouter refuses an output that is no valid name", "[relay][rules]") {
  Fixture f;
  CarbonFiles files;
  files.aggregation_rules.text = "a..<env> (10) = sum <env>.x\n";
  f.Start(routing::ParseCarbonFiles(files).value());
  f.Feed("prod.x 1 1\n");
  CHECK(f.Dropped(DropReason::kEmptyNode) == 1);
  CHECK(f.options.aggregator->output_count() == 0);
}

}  // namespace
}  // namespace plumbago::relay

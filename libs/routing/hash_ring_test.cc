// Proves the hashes by published vectors and the rings by answers of carbon-c-relay 3.7.3;
// tests/conformance/hash_ring_test.py compares many more with the programs themselves.
#include "routing/hash_ring.h"

#include <catch2/catch.hpp>

namespace plumbago::routing {
namespace {

using Catch::Matchers::Contains;
using Replicas = HashRing::Options::Replicas;

constexpr absl::string_view kMetrics[] = {"a.b.c", "carbon.agents.host.metricsReceived",
                                          "servers.web01.cpu.load", "hosts.worker1.cpu"};

std::vector<RingNode> Instances(const std::vector<std::string>& instances) {
  std::vector<RingNode> nodes;
  for (const std::string& instance : instances) {
    nodes.push_back({.server = "127.0.0.1", .port = 2004, .instance = instance});
  }
  return nodes;
}

std::vector<uint32_t> Choose(const HashRing& ring, absl::string_view metric) {
  std::vector<uint32_t> chosen;
  ring.Choose(metric, &chosen);
  return chosen;
}

std::vector<uint32_t> FirstChoices(const HashRing::Options& options, std::vector<RingNode> nodes) {
  const HashRing ring = HashRing::Make(options, std::move(nodes)).value();
  std::vector<uint32_t> first;
  for (const absl::string_view metric : kMetrics) first.push_back(Choose(ring, metric).front());
  return first;
}

std::string Refusal(const HashRing::Options& options, std::vector<RingNode> nodes) {
  const auto ring = HashRing::Make(options, std::move(nodes));
  REQUIRE(ring.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(ring.status().message());
}

TEST_CASE("Positions of carbon_ch and fnv1a_ch are those of carbon", "[routing]") {
  CHECK(CarbonPosition("a.b.c") == 21823);
  CHECK(CarbonPosition("('127.0.0.1', 'a'):0") == 24043);
  CHECK(CarbonPosition("('127.0.0.1', None):1") == 62633);
  CHECK(FnvPosition("a.b.c", CharKind::kUnsigned) == 34049);
}

TEST_CASE("FNV-1a, MurmurHash3 and jump hash give the published values", "[routing]") {
  CHECK(Fnv1a32("foobar", CharKind::kUnsigned) == 0xbf9cf968U);
  CHECK(Fnv1a64("foobar", CharKind::kUnsigned) == 0x85944171f73967e8U);
  CHECK(Fnv1a32("\xc3\xbc", CharKind::kSigned) != Fnv1a32("\xc3\xbc", CharKind::kUnsigned));
  CHECK(Murmur3("foo") == -156908512);
  CHECK(static_cast<uint32_t>(Murmur3("Hello, world!")) == 0xc0363e43U);
  CHECK(Murmur3("") == 0);
  CHECK(JumpBucket(10863919174838991U, 11) == 6);
  CHECK(JumpBucket(1, 1) == 0);
}

TEST_CASE("Rings choose what carbon-c-relay chooses", "[routing]") {
  const HashRing::Options carbon{.flavour = RingFlavour::kCarbonCRelay};
  const HashRing::Options fnv{.hash = RingHash::kFnv1a, .flavour = RingFlavour::kCarbonCRelay};
  const std::vector<RingNode> hosts = {{"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.3"}};
  const std::vector<RingNode> ports = {{"10.0.0.1", 2003}, {"10.0.0.1", 2004}, {"10.0.0.2", 2003}};
  CHECK(FirstChoices(carbon, Instances({"a", "b", "c"})) == std::vector<uint32_t>{0, 2, 0, 2});
  CHECK(FirstChoices(carbon, hosts) == std::vector<uint32_t>{1, 2, 0, 2});
  CHECK(FirstChoices(fnv, ports) == std::vector<uint32_t>{0, 0, 1, 1});
  CHECK(FirstChoices(fnv, Instances({"a", "b", "c"})) == std::vector<uint32_t>{0, 2, 0, 1});
  const HashRing jump = HashRing::Make({.hash = RingHash::kJumpFnv1a,
                                        .flavour = RingFlavour::kCarbonCRelay,
                                        .replication_factor = 3},
                                       ports)
                            .value();
  CHECK(Choose(jump, "a.b.c") == std::vector<uint32_t>{1, 2, 0});
  CHECK(Choose(jump, "hosts.worker1.cpu") == std::vector<uint32_t>{0, 1, 2});
}

TEST_CASE("Jump orders instances as numbers, and hosts without one behind them", "[routing]") {
  std::vector<RingNode> nodes = Instances({"10", "9"});
  nodes.insert(nodes.begin(), RingNode{.server = "127.0.0.9"});
  const HashRing ring = HashRing::Make({.hash = RingHash::kJumpFnv1a,
                                        .flavour = RingFlavour::kCarbonCRelay,
                                        .replication_factor = 3},
                                       nodes)
                            .value();
  // "hosts.worker1.cpu" takes the buckets 0, 1, 2 of three.
  CHECK(Choose(ring, "hosts.worker1.cpu") == std::vector<uint32_t>{2, 1, 0});
}

TEST_CASE("Diverse replicas are on different servers, however few there are", "[routing]") {
  std::vector<RingNode> nodes = Instances({"a", "b"});
  nodes.push_back({.server = "127.0.0.2", .port = 2004, .instance = "a"});
  const HashRing diverse =
      HashRing::Make({.replication_factor = 3, .replicas = Replicas::kDiverseServers}, nodes)
          .value();
  const HashRing any = HashRing::Make({.replication_factor = 3}, nodes).value();
  for (const absl::string_view metric : kMetrics) {
    const auto chosen = Choose(diverse, metric);
    REQUIRE(chosen.size() == 2);
    CHECK((chosen[0] == 2) != (chosen[1] == 2));
    CHECK(Choose(any, metric).size() == 3);
  }
}

TEST_CASE("A single node takes everything, once", "[routing]") {
  const HashRing ring = HashRing::Make({.replication_factor = 2}, {{"localhost"}}).value();
  CHECK(Choose(ring, "a.b") == std::vector<uint32_t>{0});
}

TEST_CASE("Rings that neither program can build are refused", "[routing]") {
  const HashRing::Options c_relay{.flavour = RingFlavour::kCarbonCRelay, .replication_factor = 2};
  CHECK_THAT(Refusal({}, {}), Contains("1 to 1024 destinations"));
  CHECK_THAT(Refusal({.hash = RingHash::kJumpFnv1a}, {{"a"}}), Contains("carbon-c-relay's only"));
  CHECK_THAT(Refusal({.hash = RingHash::kMurmur3, .flavour = RingFlavour::kCarbonCRelay}, {{"a"}}),
             Contains("no mmh3_ch"));
  CHECK_THAT(Refusal({.replication_factor = 0}, {{"a"}}), Contains("replication 0"));
  CHECK_THAT(Refusal(c_relay, {{"a"}}), Contains("replication 2 with 1"));
  CHECK_THAT(Refusal({}, {{"a", 1}, {"a", 2}}), Contains("a:2 is there twice"));
  CHECK_THAT(Refusal({}, {{"a'b"}}), Contains("has a host or instance with a quote"));
  HashRing::Options fnv = c_relay;
  fnv.hash = RingHash::kFnv1a;
  CHECK_THAT(Refusal(fnv, {{"a", 1, "x"}, {"b", 1, "x"}}), Contains("only 1 destinations have"));
}

}  // namespace
}  // namespace plumbago::routing

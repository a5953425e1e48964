// Proves what of carbon-c-relay's language is read, what it becomes, and that the rest is refused
// with file and line. tests/conformance/carbon_c_relay_test.py compares decisions with the program.
#include "routing/carbon_c_relay.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::routing {
namespace {

using Catch::Matchers::Contains;

constexpr char kClusters[] =
    "cluster a forward 10.0.0.1 10.0.0.2:2004; cluster b any_of h1 h2:1;\n";

CRelayConfig Parse(absl::string_view rules) {
  auto config = ParseCarbonCRelayConfig(absl::StrCat(kClusters, rules), "r.conf", {});
  INFO(config.status().message());
  REQUIRE(config.ok());
  return *std::move(config);
}

std::string Fate(absl::string_view rules, absl::string_view metric) {
  const CRelayConfig config = Parse(rules);
  return Describe(*config.table, config.table->Decide(metric));
}

std::string Refusal(absl::string_view rules) {
  const auto config = ParseCarbonCRelayConfig(absl::StrCat(kClusters, rules), "r.conf", {});
  REQUIRE(config.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST_CASE("Rules fall through until one stops", "[routing]") {
  const char* rules = "match ^x send to a; match ^xy send to shards stop; match * send to b;";
  CHECK(Fate(rules, "x") == "x to 10.0.0.1:2003, 10.0.0.2:2004; x to h2:1");
  CHECK(Fate(rules, "xy") == "xy to 10.0.0.1:2003, 10.0.0.2:2004; xy to shards");
  CHECK(Fate("match ^x send to blackhole; match * send to a;", "xyz") == "dropped: blackhole");
  CHECK(Fate("match ^x send to a;", "y") == "dropped: no_route");
}

TEST_CASE("A destination gets a metric once, however many rules send it there", "[routing]") {
  CHECK(Fate("match x y send to a; match * send to a;", "xy") ==
        "xy to 10.0.0.1:2003, 10.0.0.2:2004");
  // Another name is another metric.
  CHECK(Fate("match x send to a; rewrite x into z; match * send to a;", "x") ==
        "x to 10.0.0.1:2003, 10.0.0.2:2004; z to 10.0.0.1:2003, 10.0.0.2:2004");
}

TEST_CASE("Tags are neither searched nor rewritten, and stay", "[routing]") {
  CHECK(Fate("rewrite web into db; match web send to b; match * send to a;", "web;dc=web") ==
        "db;dc=web to 10.0.0.1:2003, 10.0.0.2:2004");
}

TEST_CASE("Aggregates go where they are sent, or through all rules", "[routing]") {
  const CRelayConfig config = Parse(
      "aggregate ^in\\.([^.]+) every 10 seconds expire after 30 seconds timestamp at middle of "
      "bucket compute sum write to sum.\\1 compute percentile95 write to p.\\1 send to a;\n"
      "aggregate ^sum every 60 seconds expire after 61 seconds compute max write to top;\n"
      "match ^top send to b; match * send to blackhole;");
  const RouteTable& table = *config.table;
  const Decision in = table.Decide("in.x.y");
  REQUIRE(in.feeds.size() == 2);
  CHECK(in.feeds[0].name == "sum.x.y");
  CHECK(in.feeds[1].name == "p.x.y");
  const AggregateSpec& sum = *table.aggregates()[0];
  CHECK(sum.timestamp_at == TimestampAt::kMiddle);
  CHECK(sum.interval_seconds == 10);
  CHECK(sum.expire_seconds == 30);
  CHECK(table.aggregates()[1]->quantile == 0.95);
  CHECK(Describe(table, table.DecideAggregate(sum, "sum.x")) ==
        "sum.x to 10.0.0.1:2003, 10.0.0.2:2004");
  CHECK(Describe(table, table.DecideAggregate(*table.aggregates()[2], "top")) == "top to h1:2003");
}

TEST_CASE("Points that fail their validation go nowhere, others do", "[routing]") {
  const CRelayConfig config = Parse(
      "match ^x validate \"^[0-9.]+ [0-9]+$\" else drop;\n"
      "match ^xy validate ^1 else log send to a; match * send to b;");
  const RouteTable& table = *config.table;
  const Decision decision = table.Decide("xy");
  REQUIRE(decision.sends.size() == 2);
  CHECK(decision.sends[0].required == 3);
  CHECK(decision.sends[1].required == 1);
  CHECK(decision.checks == 3);
  CHECK(table.PassedChecks(3, "12 1500000000") == 3);
  CHECK(table.PassedChecks(3, "22 1500000000") == 1);
  CHECK(table.PassedChecks(3, "1e5 1500000000") == 2);
  CHECK(table.data_checks()[1].on_fault == DataCheck::OnFault::kLog);
}

TEST_CASE("Clusters say how they take over from one that is down", "[routing]") {
  const CRelayConfig config = Parse(
      "cluster f failover h5 h6; cluster d jump_fnv1a_ch dynamic h5 h6; cluster c carbon_ch h5;\n"
      "cluster l file ip /tmp/a /tmp/b; match * send to b f d c l;");
  const auto& groups = config.table->groups();
  CHECK(groups[0].on_failure == OnFailure::kQueue);
  CHECK(groups[1].on_failure == OnFailure::kAnyOther);
  CHECK(groups[2].on_failure == OnFailure::kNextUp);
  CHECK(groups[3].on_failure == OnFailure::kAnyOther);
  CHECK(groups[4].on_failure == OnFailure::kQueue);
  CHECK(Fate("cluster l file ip /tmp/a /tmp/b; match * send to l;", "x") ==
        "x to file-ip:/tmp/a, file-ip:/tmp/b");
}

TEST_CASE("Options of hosts are read", "[routing]") {
  const CRelayConfig config = Parse(
      "cluster o forward [::1]:2004=x proto tcp type linemode transport gzip ssl h proto udp;");
  const Endpoint& first = config.table->endpoints()[4];
  CHECK(first.host == "::1");
  CHECK(first.port == 2004);
  CHECK(first.instance == "x");
  CHECK(first.compression == Compression::kGzip);
  CHECK(first.encryption == Encryption::kTls);
  CHECK(config.table->endpoints()[5].network == Network::kUdp);
}

TEST_CASE("useall takes every address of a host", "[routing]") {
  CRelayOptions options;
  options.resolve = [](const std::string& host) -> absl::StatusOr<std::vector<std::string>> {
    if (host != "many") return absl::NotFoundError("no such host");
    return std::vector<std::string>{"10.1.1.1", "10.1.1.2"};
  };
  const auto config =
      ParseCarbonCRelayConfig("cluster u any_of useall many:2005 10.1.1.9;", "r.conf", options);
  REQUIRE(config.ok());
  CHECK(config->table->groups()[0].endpoints.size() == 3);
  CHECK(config->table->endpoints()[1].host == "10.1.1.2");
  CHECK_FALSE(ParseCarbonCRelayConfig("cluster u any_of useall x;", "r.conf", options).ok());
  CHECK_THAT(Refusal("cluster u any_of useall x;"), Contains("useall needs a look-up of 'x'"));
}

TEST_CASE("Listeners and statistics are read for the relay", "[routing]") {
  const CRelayConfig config = Parse(
      "listen type linemode transport gzip ssl /etc/x.pem 2003 proto tcp 10.0.0.1:2103 proto tcp;\n"
      "listen type linemode 2003 proto udp /tmp/s proto unix;\n"
      "statistics submit every 10 seconds reset counters after interval prefix with \"x.\\\\1\" "
      "send to a b stop;");
  REQUIRE(config.listeners.size() == 4);
  CHECK(config.listeners[0].address == ":2003");
  CHECK(config.listeners[1].compression == Compression::kGzip);
  CHECK(config.listeners[1].certificate_file == "/etc/x.pem");
  CHECK(config.listeners[2].kind == CRelayListener::Kind::kUdp);
  CHECK(config.listeners[3].kind == CRelayListener::Kind::kUnix);
  CHECK(config.statistics.interval == absl::Seconds(10));
  CHECK(config.statistics.prefix == "x.\\1");
  CHECK(config.statistics.groups == std::vector<uint32_t>{0, 1});
  CHECK(Parse("send statistics to a;").statistics.groups.size() == 1);
}

TEST_CASE("Wrong statements are refused with file and line", "[routing]") {
  CHECK(Refusal("\nmatch x\n send to nowhere;") ==
        "unknown cluster 'nowhere'; define it above this statement (r.conf line 4)");
  CHECK_THAT(Refusal("match x send to a"), Contains("the end of the file, expected ';'"));
  CHECK_THAT(Refusal("route x;"), Contains("unexpected \"route\", expected cluster, match"));
  CHECK_THAT(Refusal("match x;"), Contains("match without 'send to'"));
  CHECK_THAT(Refusal("match ( send to a;"), Contains("missing ): ("));
  CHECK_THAT(Refusal("match !x send to a;"), Contains("unexpected '!'"));
  CHECK_THAT(Refusal("match \"x\nsend to a;"), Contains("unterminated string"));
  CHECK_THAT(Refusal("match \"\" send to a;"), Contains("empty string"));
  CHECK_THAT(Refusal("rewrite * into x;"), Contains("rewrite needs a pattern"));
  CHECK_THAT(Refusal("match * route using x send to a;"),
             Contains("'route using' needs a pattern"));
  CHECK_THAT(Refusal("cluster a forward h;"), Contains("cluster 'a' is there already"));
  CHECK_THAT(Refusal("cluster shards forward h;"), Contains("is there already"));
  CHECK_THAT(Refusal("cluster c mmh3_ch h;"), Contains("cluster type 'mmh3_ch' is unknown"));
  CHECK_THAT(Refusal("cluster c forward h:99999;"), Contains("invalid port number '99999'"));
  CHECK_THAT(Refusal("cluster c forward h type syslog;"), Contains("expected linemode"));
  CHECK_THAT(Refusal("cluster c forward h transport lz4;"), Contains("expected plain"));
  CHECK_THAT(Refusal("cluster c carbon_ch replication 3 h i;"), Contains("replication 3 with 2"));
  CHECK_THAT(Refusal("cluster c carbon_ch replication 0 h;"), Contains("from 1 to 255"));
  CHECK_THAT(Refusal("listen type syslog 1 proto tcp;"), Contains("expected linemode"));
  CHECK_THAT(Refusal("include x.conf;"), Contains("include is not possible here, included"));
}

TEST_CASE("Wrong aggregates are refused with file and line", "[routing]") {
  const auto refusal = [](absl::string_view buckets, absl::string_view compute) {
    return Refusal(absl::StrCat("aggregate x ", buckets, " compute ", compute, " write to y;"));
  };
  CHECK_THAT(refusal("every 0 seconds expire after 9 seconds", "sum"), Contains("the interval"));
  CHECK_THAT(refusal("every 9 seconds expire after 9 seconds", "sum"), Contains("must be greater"));
  CHECK_THAT(refusal("every 1 seconds expire after 9 seconds", "mode"), Contains("is unknown"));
  CHECK_THAT(refusal("every 1 seconds expire after 9 seconds", "percentile100"),
             Contains("percentile1 to percentile99"));
  CHECK_THAT(Refusal("aggregate x every 1 seconds expire after 2 seconds;"), Contains("compute"));
}

TEST_CASE("Included files are read in order, to a bounded depth", "[routing]") {
  const auto file_system = base::MakePosixFileSystem();
  const base::testing::TemporaryDirectory directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(directory.path(), "/", name);
    REQUIRE(base::WriteFileAtomically(*file_system, path, text).ok());
    return path;
  };
  const auto read = [&](const std::string& path) {
    return ReadCarbonCRelayConfig(*file_system, path, {});
  };
  write("10-a.inc", "cluster one forward h1;");
  write("20-b.inc", "match * send to one;");
  const std::string top = write("top", absl::StrCat("include ", directory.path(), "/*.inc;"));
  const auto config = read(top);
  REQUIRE(config.ok());
  CHECK(Describe(*config->table, config->table->Decide("x")) == "x to h1:2003");

  const std::string self = write("self", absl::StrCat("\ninclude ", directory.path(), "/self;"));
  CHECK_THAT(std::string(read(self).status().message()), Contains("does a file include itself?"));
  const std::string none = write("none", absl::StrCat("include ", directory.path(), "/*.no;"));
  CHECK_THAT(std::string(read(none).status().message()), Contains("matches no file"));
  const std::string bad = write("bad.inc", "\nmatch;");
  CHECK_THAT(std::string(read(top).status().message()),
             Contains("/bad.inc line 2), included") && Contains("/top line 1)"));
  CHECK(read("/no/such/file").status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace plumbago::routing

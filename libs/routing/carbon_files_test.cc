// Proves that carbon's files become one table that works in carbon's order, and that what is wrong
// in them is refused with file and line. tests/conformance/carbon_rules_test.py compares the
// outcome with carbon.
#include "routing/carbon_files.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_join.h"

namespace plumbago::routing {
namespace {

using Catch::Matchers::Contains;

constexpr char kRelayRules[] =
    "[web]\npattern = ^web\ndestinations = 10.0.0.1:2004:a, shards\ncontinue = true\n"
    "[rest]\ndefault = true\ndestinations = 10.0.0.2:2004, 10.0.0.1:2004:a\n";

CarbonFiles Rules(std::string relay_rules = kRelayRules) {
  CarbonFiles files;
  files.method = RelayMethod::kRules;
  files.relay_rules.text = std::move(relay_rules);
  return files;
}

std::string Fate(const CarbonFiles& files, absl::string_view metric) {
  const auto table = ParseCarbonFiles(files).value();
  return Describe(*table, table->Decide(metric));
}

std::string Refusal(const CarbonFiles& files) {
  const auto table = ParseCarbonFiles(files);
  REQUIRE(table.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(table.status().message());
}

TEST_CASE("Without rules everything goes to our shards", "[routing]") {
  CHECK(Fate({}, "a.b;x=y") == "a.b;x=y to shards");
  const auto table = RouteTable::ShardsOnly();
  CHECK(Describe(*table, table->Decide("a.b")) == "a.b to shards");
}

TEST_CASE("Relay rules send to each destination once and go on where they say so", "[routing]") {
  CHECK(Fate(Rules(), "web1.cpu") ==
        "web1.cpu to shards; web1.cpu to pickle://10.0.0.1:2004:a; "
        "web1.cpu to pickle://10.0.0.2:2004");
  CHECK(Fate(Rules(), "WEB1") != Fate(Rules(), "db1"));  // case does not count
  CarbonFiles limited = Rules();
  limited.destinations = {"10.0.0.2:2004"};
  CHECK(Fate(limited, "db1") == "db1 to pickle://10.0.0.2:2004");
}

TEST_CASE("Blacklist, whitelist, rewrites and aggregation come in carbon's order", "[routing]") {
  CarbonFiles files;
  files.blacklist.text = "# no\n^secret\n";
  files.whitelist.text = "^in\\.\n^out\\.\n";
  files.rewrite_rules.text = "[post]\n^mid\\. = out.\n[pre]\n^in\\. = mid.\n";
  files.aggregation_rules.text = "sum.<x> (60) = sum mid.<x>.*\nmid.self.y (10) = max mid.self.y\n";
  CHECK(Fate(files, "secret.in.a") == "dropped: blacklist");
  CHECK(Fate(files, "other") == "dropped: not_in_whitelist");
  CHECK(Fate(files, "in.a") == "out.a to shards");
  CHECK(Fate(files, "in.a.b") == "into sum.a (sum.<x> (60) = sum mid.<x>.*); out.a.b to shards");
  // An output with the metric's own name stands for it.
  CHECK_THAT(Fate(files, "in.self.y"), !Contains("shards"));
  files.forward_all = CarbonFiles::ForwardAll::kNo;
  CHECK_THAT(Fate(files, "in.a.b"), !Contains("shards"));
  CHECK(Fate(files, "in.a") == "dropped: no_route");
}

TEST_CASE("Aggregates are relayed, neither filtered nor rewritten", "[routing]") {
  CarbonFiles files = Rules();
  files.whitelist.text = "^in\\.";
  files.rewrite_rules.text = "[pre]\nweb = x\n[post]\nweb = y\n";
  files.aggregation_rules.text = "web.<x> (60) = sum in.<x>";
  const auto table = ParseCarbonFiles(files).value();
  REQUIRE(table->aggregates().size() == 1);
  const Decision decision = table->DecideAggregate(*table->aggregates()[0], "web.a");
  CHECK(decision.sends.size() == 3);
  CHECK(decision.names == std::vector<std::string>{"web.a"});
}

TEST_CASE("Hashing methods choose among the destinations", "[routing]") {
  CarbonFiles files;
  files.destinations = {"127.0.0.1:2004:a", "127.0.0.1:2104:b", "127.0.0.1:2204:c"};
  files.protocol = Protocol::kPlaintext;
  files.method = RelayMethod::kConsistentHashing;
  CHECK(Fate(files, "a.b.c") == "a.b.c to 127.0.0.1:2004:a");
  files.method = RelayMethod::kConstant;
  CHECK(Fate(files, "a") == "a to 127.0.0.1:2004:a, 127.0.0.1:2104:b, 127.0.0.1:2204:c");
  files.method = RelayMethod::kAggregatedConsistentHashing;
  files.aggregation_rules.text = "a.b.c (60) = sum x.*";
  CHECK(Fate(files, "x.y") == "x.y to 127.0.0.1:2004:a");
  CHECK(Fate(files, "x.z") == "x.z to 127.0.0.1:2004:a");
  files.destinations.push_back("shards");
  CHECK_THAT(Refusal(files), Contains("\"shards\" cannot be one of several"));
  files.destinations.clear();
  CHECK_THAT(Refusal(files), Contains("needs destinations"));
}

TEST_CASE("A rewritten name that is too long is dropped", "[routing]") {
  CarbonFiles files;
  files.rewrite_rules.text = "[pre]\na = " + std::string(500, 'b');
  CHECK(Fate(files, std::string(100, 'a')) == "dropped: rewritten_name_too_long");
}

TEST_CASE("Wrong relay rules are refused with file and line", "[routing]") {
  const auto refusal = [](const char* text) { return Refusal(Rules(text)); };
  CHECK(refusal("[a]\npattern = (\ndestinations = h:1\n[d]\ndefault = true\ndestinations = h:1") ==
        "pattern \"(\": missing ): (; patterns are RE2's, which has no look-around and no "
        "back-references (relay-rules.conf line 2)");
  CHECK_THAT(refusal("[a]\npattern = x\n"), Contains("[a] has no 'destinations' (relay-rules"));
  CHECK_THAT(refusal("[a]\npattern = x\ndestinations = h\n"),
             Contains("destination \"h\" has no port; write HOST:PORT[:INSTANCE] (relay-rules.conf "
                      "line 3)"));
  CHECK_THAT(refusal("[a]\npattern = x\ndestinations = h:0\n"), Contains("port from 1 to 65535"));
  CHECK_THAT(refusal("[a]\npattern = x\ndestinations = h:1\ncontinue = maybe\n"),
             Contains("continue = \"maybe\" is neither"));
  CHECK_THAT(refusal("[a]\npattern = x\ndestinations = h:1\n"),
             Contains("no section with default"));
  CHECK_THAT(refusal("[a]\ndestinations = h:1\n"), Contains("either 'pattern' or 'default"));
  CHECK_THAT(refusal("[a]\npattern = x\ndefault = true\ndestinations = h:1\n"), Contains("either"));
  CHECK_THAT(refusal("[a]\nregex = x\n"), Contains("unknown key 'regex'"));
  CHECK_THAT(refusal("[DEFAULT]\n"), Contains("inherited"));
  CHECK_THAT(refusal("[a]\ndefault=1\ndestinations=h:1\n[b]\ndefault=1\ndestinations=h:1\n"),
             Contains("a second section with default = true (relay-rules.conf line 4)"));
}

TEST_CASE("Wrong lists and rewrites are refused with file and line", "[routing]") {
  CarbonFiles files;
  files.blacklist.text = "ok\n\n[a";
  CHECK_THAT(Refusal(files), Contains("(blacklist.conf line 3)"));
  files = {};
  files.whitelist.text = "a(?!b)";
  CHECK_THAT(Refusal(files), Contains("(whitelist.conf line 1)"));
  const auto rewrite = [](const char* text) {
    CarbonFiles with_rewrites;
    with_rewrites.rewrite_rules.text = text;
    return Refusal(with_rewrites);
  };
  CHECK_THAT(rewrite("a = b"), Contains("in [pre] or [post] (rewrite-rules.conf line 1)"));
  CHECK_THAT(rewrite("[pre]\nab"), Contains("is no \"REGEX = REPLACEMENT\""));
  CHECK_THAT(rewrite("[mid]\n"), Contains("the sections are [pre] and [post]"));
  CHECK_THAT(rewrite("[pre]\n[PRE]\n"), Contains("there twice"));
  CHECK_THAT(rewrite("[pre]\na = \\1"), Contains("there is no group '1' in the pattern"));
}

TEST_CASE("Wrong aggregation rules are refused with file and line", "[routing]") {
  const auto refusal = [](const char* text) {
    CarbonFiles files;
    files.aggregation_rules.text = text;
    return Refusal(files);
  };
  CHECK_THAT(refusal("# x\na b"), Contains("no '='; write OUTPUT (SECONDS) = METHOD INPUT"));
  CHECK_THAT(refusal("# x\na b"), Contains("(aggregation-rules.conf line 2)"));
  CHECK_THAT(refusal("a (60) = sum"), Contains("has not two words on each side"));
  CHECK_THAT(refusal("a (0) = sum b"), Contains("frequency \"(0)\""));
  CHECK_THAT(refusal("a (60) = mode b"), Contains("method \"mode\" is unknown"));
  CHECK_THAT(refusal("a.<y> (60) = sum b.<x>"), Contains("no group 'y'"));
  CHECK_THAT(refusal("a.<<x>> (60) = sum b.<x>"), Contains("cannot be in an output name"));
  CHECK_THAT(refusal("a (60) = sum <x>.<x>"), Contains("two groups have one name"));
}

TEST_CASE("Explain names each rule that had a part, with its line", "[routing]") {
  CarbonFiles files = Rules();
  files.rewrite_rules.text = "[pre]\n^www = web\n";
  files.whitelist.text = "nothing\nw\n";
  const auto trace = ParseCarbonFiles(files).value()->Explain("www1");
  std::vector<std::string> lines;
  for (const TraceStep& step : trace) lines.push_back(step.source + ": " + step.text);
  CHECK(absl::StrJoin(lines, "\n") ==
        "whitelist.conf line 2 w: allows www1\n"
        "rewrite-rules.conf line 2 [pre] ^www: rewrites www1 to web1\n"
        "relay-rules.conf line 1 [web]: sends web1 to shards, web\n"
        "relay-rules.conf line 5 [rest]: sends web1 to rest; stops\n"
        "result: web1 to shards; web1 to pickle://10.0.0.1:2004:a; web1 to pickle://10.0.0.2:2004");
}

TEST_CASE("A diff counts every metric that would go elsewhere", "[routing]") {
  CarbonFiles changed;
  changed.blacklist.text = "^b";
  const auto before = ParseCarbonFiles({}).value();
  const auto after = ParseCarbonFiles(changed).value();
  const RouteDiff diff = Diff(*before, *after, {"a", "b1", "b2", "c"}, 1);
  CHECK(diff.metric_count == 4);
  CHECK(diff.changed_count == 2);
  REQUIRE(diff.changes.size() == 1);
  CHECK(diff.changes[0].metric == "b1");
  CHECK(diff.changes[0].before == "b1 to shards");
  CHECK(diff.changes[0].after == "dropped: blacklist");
  CHECK(Diff(*before, *before, {"a"}, 1).changed_count == 0);
}

TEST_CASE("Destinations are read with their protocol", "[routing]") {
  const auto describe = [](absl::string_view text) {
    return Describe(ParseEndpoint(text, Protocol::kPickle).value());
  };
  CHECK(describe("h:1:x") == "pickle://h:1:x");
  CHECK(describe("[::1]:2004") == "pickle://[::1]:2004");
  CHECK(describe("plaintext://h:2003") == "h:2003");
  CHECK(describe("kairosdb://h:4242") == "opentsdb://h:4242");
  CHECK(describe("file:/var/log/points") == "file:/var/log/points");
  for (const char* wrong : {"", "h", ":1", "h:x", "h:70000", "[::1]", "file:x", "h:1:"}) {
    CHECK_FALSE(ParseEndpoint(wrong, Protocol::kPickle).ok());
  }
}

}  // namespace
}  // namespace plumbago::routing

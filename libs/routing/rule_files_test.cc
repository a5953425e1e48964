// Proves where rules come from: carbon.conf with the files beside it, single settings over it, and
// that whatever is wrong is refused with its flag or its file and line. Real files.
#include "routing/rule_files.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/testing/temporary_directory.h"
#include "routing/carbon_conf.h"

namespace plumbago::routing {
namespace {

struct Directory {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> files = base::MakePosixFileSystem();
  RuleSettings settings;

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory.path() + "/" + name;
    REQUIRE(base::WriteFileAtomically(*files, path, text).ok());
    return path;
  }
  absl::StatusOr<LoadedRules> Load() { return LoadRules(settings, *files, {}); }
  std::string Fate(absl::string_view metric) {
    const auto rules = Load();
    if (!rules.ok()) return std::string(rules.status().message());
    if (rules->table == nullptr) return "no rules";
    return Describe(*rules->table, rules->table->Decide(metric));
  }
};

bool Holds(const std::string& text, const std::string& part) {
  INFO(text);
  const bool holds = text.find(part) != std::string::npos;
  CHECK(holds);
  return holds;
}

const char kConf[] =
    "[cache]\nUSE_WHITELIST = True\n"
    "[relay]\nRELAY_METHOD = rules\nDESTINATIONS = 10.0.0.1:2004:a,\n  10.0.0.2:2004:b\n"
    "[aggregator]\nFORWARD_ALL = True\nMAX_AGGREGATION_INTERVALS = 7\n"
    "WRITE_BACK_FREQUENCY = 15\nDESTINATIONS = 127.0.0.1:2004\n";
const char kRules[] =
    "[web]\npattern = ^web\ndestinations = 10.0.0.1:2004:a\n"
    "[all]\ndefault = true\ndestinations = 10.0.0.2:2004:b\n";

TEST_CASE("LoadRules without settings gives no rules", "[routing]") {
  Directory d;
  CHECK(d.Fate("a") == "no rules");
}

TEST_CASE("LoadRules reads carbon.conf and the rule files beside it", "[routing]") {
  Directory d;
  d.settings.carbon_conf = d.Write("carbon.conf", kConf);
  d.Write("relay-rules.conf", kRules);
  d.Write("rewrite-rules.conf", "[pre]\n^old = web\n");
  d.Write("aggregation-rules.conf", "<a>.all (60) = sum <a>.*\n");
  d.Write("blacklist.conf", "^web\n");  // only [cache] uses it
  CHECK(d.Fate("old") == "web to pickle://10.0.0.1:2004:a");
  CHECK(d.Fate("x.y").find("into x.all") == 0);
  CHECK(d.Fate("x.y").find("; x.y to pickle://10.0.0.2:2004:b") != std::string::npos);
  const auto rules = d.Load();
  REQUIRE(rules.ok());
  CHECK(rules->aggregator.max_aggregation_intervals == 7);
  CHECK(rules->aggregator.write_back_seconds == 15);
}

TEST_CASE("LoadRules takes of carbon.conf what the program it stands for uses", "[routing]") {
  Directory d;
  d.settings.carbon_conf = d.Write("carbon.conf", kConf);
  d.Write("relay-rules.conf", kRules);
  d.Write("rewrite-rules.conf", "[pre]\n^old = web\n");
  d.settings.carbon_program = "relay";
  CHECK(d.Fate("old") == "old to pickle://10.0.0.2:2004:b");
  d.settings.carbon_program = "aggregator";
  CHECK(d.Fate("old") == "web to pickle://127.0.0.1:2004");
  d.settings.carbon_program = "cache";
  Holds(d.Fate("old"), "--carbon-program: \"cache\"");
}

TEST_CASE("LoadRules uses the lists beside carbon.conf where it says so", "[routing]") {
  Directory d;
  d.settings.carbon_conf =
      d.Write("carbon.conf",
              "[relay]\nUSE_WHITELIST = True\nRELAY_METHOD = constant\nDESTINATIONS = h:1\n");
  d.Write("blacklist.conf", "^bad\n");
  CHECK(d.Fate("bad") == "dropped: blacklist");
  CHECK(d.Fate("good") == "good to pickle://h:1");
}

TEST_CASE("LoadRules lets single settings stand over carbon.conf", "[routing]") {
  Directory d;
  d.settings.carbon_conf = d.Write("carbon.conf", kConf);
  d.settings.relay_method = "constant";
  d.settings.destinations = "h1:2003, shards";
  d.settings.destination_protocol = "line";
  CHECK(d.Fate("a.b") == "a.b to shards; a.b to h1:2003");
  d.Write("aggregation-rules.conf", "<a>.all (60) = sum <a>.*\n");
  d.settings.forward_all = "false";
  CHECK(d.Fate("a.b").find(" to ") == std::string::npos);
  d.settings.max_aggregation_intervals = 9;
  d.settings.write_back_seconds = 0;
  CHECK(d.Load()->aggregator.max_aggregation_intervals == 9);
  CHECK(d.Load()->aggregator.write_back_seconds == 0);
}

TEST_CASE("LoadRules takes the method rules where relay rules are named", "[routing]") {
  Directory d;
  d.settings.relay_rules = d.Write("my.conf", kRules);
  CHECK(d.Fate("web") == "web to pickle://10.0.0.1:2004:a");
}

TEST_CASE("LoadRules says which flag, or which file and line, is wrong", "[routing]") {
  const auto fault = [](void (*change)(Directory&)) {
    Directory d;
    change(d);
    return d.Fate("a");
  };
  Holds(fault([](Directory& d) { d.settings.relay_method = "hash"; }), "--relay-method: ");
  Holds(fault([](Directory& d) { d.settings.destinations = "nowhere"; }), "--destinations: ");
  Holds(fault([](Directory& d) { d.settings.router_hash = "md6"; }), "--router-hash-type: ");
  Holds(fault([](Directory& d) { d.settings.diverse_replicas = "maybe"; }), "--diverse-replicas: ");
  Holds(fault([](Directory& d) { d.settings.forward_all = "2"; }), "--forward-all: ");
  Holds(fault([](Directory& d) { d.settings.blacklist = "/nowhere/at/all"; }), "--blacklist: ");
  Holds(fault([](Directory& d) { d.settings.relay_method = "rules"; }), "--relay-rules");
  Holds(fault([](Directory& d) { d.settings.blacklist = d.Write("b.conf", "ok\n(\n"); }),
        "b.conf line 2");
  Holds(fault([](Directory& d) {
          d.settings.carbon_conf = d.Write("carbon.conf", "[relay]\nREPLICATION_FACTOR = many\n");
        }),
        "carbon.conf line 2");
  Holds(fault([](Directory& d) {
          d.settings.carbon_conf = d.Write("carbon.conf", "[relay]\nDESTINATION_PROTOCOL = tls\n");
        }),
        "carbon.conf line 2");
  Holds(fault([](Directory& d) {
          d.settings.carbon_conf = d.Write("carbon.conf", "[cache]\nX = 1\n");
        }),
        "no section [relay]");
  Holds(fault([](Directory& d) {
          d.settings.carbon_c_relay_config = d.Write("c.conf", "match * send to shards;");
          d.settings.blacklist = "b.conf";
        }),
        "--carbon-c-relay-config and --blacklist exclude each other");
}

TEST_CASE("LoadRules follows a configuration of carbon-c-relay and says what it leaves out",
          "[routing]") {
  Directory d;
  d.settings.carbon_c_relay_config =
      d.Write("c.conf", "listen type linemode 2003 proto tcp;\nmatch ^a send to shards stop;\n");
  CHECK(d.Fate("a") == "a to shards");
  CHECK(d.Load()->warnings.size() == 1);
}

TEST_CASE("ParseCarbonConf takes the section of the first instance over the general one",
          "[routing]") {
  const auto conf =
      ParseCarbonConf("[relay]\nREPLICATION_FACTOR = 1\n[relay:a]\nREPLICATION_FACTOR = 2\n", "c",
                      CarbonProgram::kBoth);
  REQUIRE(conf.ok());
  CHECK(conf->files.replication_factor == 2);
  CHECK(conf->files.method == RelayMethod::kRules);
}

}  // namespace
}  // namespace plumbago::routing

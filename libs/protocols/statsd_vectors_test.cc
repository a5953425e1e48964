// Proves that a flush gives, name by name and bit by bit, what statsd 0.9.0 sends to Graphite for
// the same datagram: testdata/statsd_vectors.txt was written by the real one
// (tests/conformance/statsd_vectors.py).
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "metric/line_parser.h"
#include "protocols/statsd_aggregator.h"
#include "protocols/testing/recording_sink.h"

namespace plumbago::protocols {
namespace {

using Lines = std::set<std::string>;

struct Case {
  nlohmann::json config;
  std::vector<std::string> lines;
  Lines flushes[2];
};

// "name value" with the value as this program prints it.
std::string Normalise(const std::string& line) {
  const size_t blank = line.rfind(' ');
  double value = 0;
  REQUIRE(metric::ParseDouble(line.substr(blank + 1), &value));
  return absl::StrFormat("%s %.17g", line.substr(0, blank), value);
}

std::vector<Case> ReadCases() {
  std::ifstream file(STATSD_VECTORS);
  REQUIRE(file.is_open());
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    const std::string word = line.substr(0, line.find(' '));
    const std::string rest = line.size() > word.size() ? line.substr(word.size() + 1) : "";
    if (word == "case") cases.push_back({nlohmann::json::parse(rest), {}, {}});
    if (word == "in") cases.back().lines.push_back(rest);
    if (word == "out1") cases.back().flushes[0].insert(Normalise(rest));
    if (word == "out2") cases.back().flushes[1].insert(Normalise(rest));
  }
  return cases;
}

StatsdOptions ToOptions(const nlohmann::json& config) {
  StatsdOptions options;
  options.flush_interval = absl::Seconds(1);
  const nlohmann::json graphite = config.value("graphite", nlohmann::json::object());
  options.percentiles = config.value("percentThreshold", std::vector<double>{90});
  options.has_legacy_namespace = graphite.value("legacyNamespace", true);
  options.has_counts = config.value("flush_counts", true);
  options.global_prefix = graphite.value("globalPrefix", "stats");
  options.counter_prefix = graphite.value("prefixCounter", "counters");
  options.timer_prefix = graphite.value("prefixTimer", "timers");
  options.gauge_prefix = graphite.value("prefixGauge", "gauges");
  options.set_prefix = graphite.value("prefixSet", "sets");
  options.global_suffix = graphite.value("globalSuffix", "");
  options.stats_prefix = config.value("prefixStats", "statsd");
  const bool deletes_idle = config.value("deleteIdleStats", false);
  options.deletes_idle_counters = options.deletes_idle_gauges = deletes_idle;
  options.deletes_idle_sets = deletes_idle;
  options.deletes_idle_timers = config.value("deleteTimers", deletes_idle);
  options.gauge_flushes_max = config.value("gaugesMaxTTL", 1);
  return options;
}

Lines Flush(StatsdAggregator* aggregator) {
  RecordingSink sink;
  aggregator->Flush(sink);
  Lines lines;
  for (const auto& point : sink.points) {
    if (point.metric.find("timestamp_lag") != std::string::npos) continue;
    lines.insert(absl::StrFormat("%s %.17g", point.metric, point.value));
  }
  return lines;
}

TEST_CASE("StatsdAggregator sends what statsd 0.9.0 sends", "[protocols]") {
  const std::vector<Case> cases = ReadCases();
  REQUIRE(cases.size() >= 7);
  for (const Case& vector : cases) {
    INFO(vector.config);
    base::SimulatedClock clock(absl::FromUnixSeconds(1'700'000'000));
    const StatsdOptions options = ToOptions(vector.config);
    REQUIRE(CheckStatsdOptions(options).ok());
    StatsdAggregator aggregator(options, clock);
    Flush(&aggregator);
    RecordingSink refused;
    clock.Advance(absl::Seconds(1));
    aggregator.OnDatagram(absl::StrJoin(vector.lines, "\n"), refused);
    REQUIRE(vector.flushes[0].size() > 30);
    CHECK(Flush(&aggregator) == vector.flushes[0]);
    clock.Advance(absl::Seconds(1));
    CHECK(Flush(&aggregator) == vector.flushes[1]);
  }
}

}  // namespace
}  // namespace plumbago::protocols

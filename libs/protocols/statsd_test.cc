// Proves that lines are parsed as statsd does, that its bounds hold and time is kept. Names and
// values of a flush are compared with statsd's own in statsd_vectors_test.cc.
#include <catch2/catch.hpp>
#include <map>

#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/statsd_aggregator.h"
#include "protocols/testing/recording_sink.h"

namespace plumbago::protocols {
namespace {

using Strings = std::vector<std::string>;

const absl::Time kStart = absl::FromUnixMillis(1'700'000'000'500);

Strings Parse(const std::string& line) {
  Strings seen;
  ParseStatsdLine(
      line,
      [&](const StatsdSample& sample) {
        const char* const types[] = {"c", "g", "ms", "s"};
        seen.push_back(absl::StrCat(
            sample.key, " ", types[static_cast<int>(sample.type)], " ", sample.member, sample.value,
            sample.is_gauge_delta ? " delta" : "", sample.sample_rate == 1 ? "" : " sampled"));
      },
      [&](RefusalReason reason) { seen.emplace_back(RefusalReasonWord(reason)); });
  return seen;
}

struct Fixture {
  base::SimulatedClock clock{kStart};
  RecordingSink sink;
  StatsdAggregator aggregator;

  explicit Fixture(StatsdOptions options = QuietOptions()) : aggregator(options, clock) {}

  static StatsdOptions QuietOptions() {
    StatsdOptions options;
    options.has_self_metrics = false;
    return options;
  }

  void Receive(const std::string& datagram) { aggregator.OnDatagram(datagram, sink); }
  std::map<std::string, double> Flush() {
    sink.points.clear();
    aggregator.Flush(sink);
    std::map<std::string, double> points;
    for (const auto& point : sink.points) points[point.metric] = point.value;
    return points;
  }
};

TEST_CASE("ParseStatsdLine reads every type, several values and tags", "[protocols]") {
  CHECK(Parse("a.b:1|c") == Strings{"a.b c 1"});
  CHECK(Parse("a:1|c|@0.1") == Strings{"a c 1 sampled"});
  CHECK(Parse("a:1|c:2|c:x|c:4|ms") == Strings{"a c 1", "a c 2", "bad_value", "a ms 4"});
  CHECK(Parse("a:1.5|ms") == Strings{"a ms 1.5"});
  CHECK(Parse("a:-2|h") == Strings{"a ms -2"});
  CHECK(Parse("a:3|d") == Strings{"a ms 3"});
  CHECK(Parse("a:3|g") == Strings{"a g 3"});
  CHECK(Parse("a:+3|g") == Strings{"a g 3 delta"});
  CHECK(Parse("a:-3|g\r") == Strings{"a g -3 delta"});
  CHECK(Parse("a:some one|s") == Strings{"a s some one0"});
  CHECK(Parse("a:|s") == Strings{"a s 00"});
  CHECK(Parse("a:1|c|#dc:eu,az;x:1:2,flag") == Strings{"a;dc=eu;az_x=12;flag c 1"});
  CHECK(Parse("a:1|c|@0.5|#dc:eu") == Strings{"a;dc=eu c 1 sampled"});
  CHECK(Parse("").empty());
  CHECK(Parse(" \r").empty());
}

TEST_CASE("ParseStatsdLine sanitises keys as statsd does", "[protocols]") {
  CHECK(Parse("a  b\tc/d%e!f_-;k=v:1|c") == Strings{"a_b_c-def_-;k=v c 1"});
  CHECK(Parse("\xc3\xa9x:1|c") == Strings{"x c 1"});
  CHECK(Parse(":1|c") == Strings{"no_name"});
  CHECK(Parse("%:1|c") == Strings{"no_name"});
  CHECK(Parse(std::string(metric::kMetricBytesMax, 'k') + ":1|c").size() == 1);
  CHECK(Parse(std::string(metric::kMetricBytesMax + 1, 'k') + ":1|c") == Strings{"name_too_long"});
  CHECK(Parse("a:1|c|" + std::string(metric::kLineBytesMax, ' ')) == Strings{"line_too_long"});
}

TEST_CASE("ParseStatsdLine names what is wrong", "[protocols]") {
  CHECK(Parse("a") == Strings{"field_count"});
  CHECK(Parse("a:1") == Strings{"field_count"});
  CHECK(Parse("a:1|x") == Strings{"unknown_type"});
  CHECK(Parse("a:1|") == Strings{"unknown_type"});
  CHECK(Parse("a:|c") == Strings{"bad_value"});
  CHECK(Parse("a:nan|g") == Strings{"bad_value"});
  CHECK(Parse("a:inf|c") == Strings{"bad_value"});
  CHECK(Parse("a:-1|ms") == Strings{"bad_value"});
  CHECK(Parse("a:1|c|") == Strings{"bad_sample_rate"});
  CHECK(Parse("a:1|c|0.1") == Strings{"bad_sample_rate"});
  CHECK(Parse("a:1|c|@0") == Strings{"bad_sample_rate"});
  CHECK(Parse("a:1|c|@-1") == Strings{"bad_sample_rate"});
  CHECK(Parse("a:1|c|@x") == Strings{"bad_sample_rate"});
}

TEST_CASE("StatsdAggregator keeps gauges, zeroes counters and forgets what idles on demand",
          "[protocols]") {
  StatsdOptions options = Fixture::QuietOptions();
  Fixture keeping(options);
  keeping.Receive("c:5|c\ng:7|g\ng:-2|g\nt:3|ms\ns:x|s");
  keeping.Flush();
  CHECK(keeping.Flush() == std::map<std::string, double>{{"stats.c", 0},
                                                         {"stats_counts.c", 0},
                                                         {"stats.gauges.g", 5},
                                                         {"stats.timers.t.count", 0},
                                                         {"stats.timers.t.count_ps", 0},
                                                         {"stats.sets.s.count", 0}});
  options.deletes_idle_counters = options.deletes_idle_gauges = true;
  options.deletes_idle_sets = options.deletes_idle_timers = true;
  options.gauge_flushes_max = 2;
  Fixture forgetting(options);
  forgetting.Receive("c:5|c\ng:7|g\nt:3|ms\ns:x|s");
  forgetting.Flush();
  CHECK(forgetting.Flush() == std::map<std::string, double>{{"stats.gauges.g", 7}});
  CHECK(forgetting.Flush().empty());
  CHECK(forgetting.aggregator.key_count() == 0);
}

TEST_CASE(
    "StatsdAggregator flushes when its interval is over, and does not make up for missed ones",
    "[protocols]") {
  Fixture fixture;
  fixture.Receive("c:20|c");
  CHECK_FALSE(fixture.aggregator.FlushIfDue(fixture.sink));
  fixture.clock.Advance(absl::Milliseconds(9999));
  CHECK_FALSE(fixture.aggregator.FlushIfDue(fixture.sink));
  fixture.clock.Advance(absl::Milliseconds(1));
  CHECK(fixture.aggregator.NextFlush() == fixture.clock.Monotonic());
  CHECK(fixture.aggregator.FlushIfDue(fixture.sink));
  // 1700000010.5 is rounded up, as JavaScript does.
  CHECK(fixture.sink.Lines() == Strings{"stats.c 2 1700000011", "stats_counts.c 20 1700000011"});
  CHECK_FALSE(fixture.aggregator.FlushIfDue(fixture.sink));
  fixture.clock.Advance(absl::Seconds(35));
  CHECK(fixture.aggregator.FlushIfDue(fixture.sink));
  CHECK_FALSE(fixture.aggregator.FlushIfDue(fixture.sink));
  CHECK(fixture.aggregator.NextFlush() == fixture.clock.Monotonic() + absl::Seconds(10));
}

TEST_CASE("StatsdAggregator counts what it saw of itself", "[protocols]") {
  Fixture fixture{StatsdOptions{}};
  fixture.Receive("a:1|c\n\nb:x|c:2|c\nbroken");
  auto points = fixture.Flush();
  CHECK(points["stats_counts.statsd.packets_received"] == 1);
  CHECK(points["stats_counts.statsd.metrics_received"] == 3);
  CHECK(points["stats_counts.statsd.bad_lines_seen"] == 2);
  CHECK(points["statsd.numStats"] == 5);
  CHECK(points.count("stats.gauges.statsd.timestamp_lag") == 0);
  CHECK(fixture.sink.refusals == Strings{"bad_value@3", "field_count@4"});
  fixture.clock.Advance(absl::Seconds(12));
  points = fixture.Flush();
  CHECK(points["stats.gauges.statsd.timestamp_lag"] == 2);
  CHECK(points["stats_counts.statsd.packets_received"] == 0);
}

TEST_CASE("StatsdAggregator bounds its keys, timer values and members", "[protocols]") {
  StatsdOptions options = Fixture::QuietOptions();
  options.keys_max = 3;
  options.timer_values_max = 2;
  options.set_bytes_max = 2 * (1 + 48);
  Fixture fixture(options);
  fixture.Receive("t:1|ms:2|ms\ns:a|s:b|s\nc:1|c");
  CHECK(fixture.sink.refusals.empty());
  fixture.Receive("g:1|g");
  fixture.Receive("t:3|ms");
  fixture.Receive("s:c|s:a|s");  // a is known
  CHECK(fixture.sink.refusals ==
        Strings{"too_many_keys@1", "too_many_timer_values@1", "too_many_set_members@1"});
  auto points = fixture.Flush();
  CHECK(points["stats.timers.t.count"] == 2);
  CHECK(points["stats.sets.s.count"] == 2);
  // The next interval has room again; known keys go on.
  fixture.Receive("t:3|ms\ns:c|s\nc:1|c");
  CHECK(fixture.sink.refusals.size() == 3);
}

TEST_CASE("StatsdAggregator never hands on a value that is not a number", "[protocols]") {
  Fixture fixture;
  fixture.Receive("c:1e308|c|@0.1:-1e308|c|@0.1");  // inf minus inf
  fixture.Flush();
  CHECK(fixture.sink.points.empty());
  CHECK(fixture.sink.excerpts == Strings{"stats.c", "stats_counts.c"});
  CHECK(fixture.sink.refusals == Strings{"bad_value@0", "bad_value@0"});
}

TEST_CASE("CheckStatsdOptions refuses what cannot be", "[protocols]") {
  CHECK(CheckStatsdOptions({}).ok());
  const auto refuses = [](const auto& change) {
    StatsdOptions options;
    change(options);
    CHECK(absl::IsInvalidArgument(CheckStatsdOptions(options)));
  };
  refuses([](auto& options) { options.flush_interval = absl::Milliseconds(99); });
  refuses([](auto& options) { options.flush_interval = absl::Hours(25); });
  refuses([](auto& options) { options.percentiles = {0}; });
  refuses([](auto& options) { options.percentiles = {100.1}; });
  refuses([](auto& options) { options.percentiles.assign(33, 50); });
  refuses([](auto& options) { options.gauge_flushes_max = 0; });
}

}  // namespace
}  // namespace plumbago::protocols

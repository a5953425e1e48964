// Proves when buckets are emitted, what is in them, what is late and what is refused, by a clock
// that the tests move. tests/conformance/carbon_rules_test.py compares with carbon's aggregator.
#include "routing/aggregator.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace plumbago::routing {
namespace {

constexpr int64_t kStart = 1'700'000'040;  // a multiple of 60

Aggregator::Spec Make(AggregateSpec spec) {
  return std::make_shared<const AggregateSpec>(std::move(spec));
}

Aggregator::Spec Carbon(const char* method, uint32_t interval = 60) {
  AggregateSpec spec{.interval_seconds = interval, .identity = method};
  REQUIRE(ParseCarbonMethod(method, &spec).ok());
  return Make(spec);
}

Aggregator::Spec CarbonCRelay(const char* method, TimestampAt at = TimestampAt::kEnd) {
  AggregateSpec spec{.bucket_rule = BucketRule::kCarbonCRelay,
                     .timestamp_at = at,
                     .interval_seconds = 10,
                     .expire_seconds = 30,
                     .identity = method};
  REQUIRE(ParseCarbonCRelayMethod(method, &spec).ok());
  return Make(spec);
}

using Result = Aggregator::AddResult;

struct Bench {
  explicit Bench(const AggregatorOptions& options = {}) : aggregator(options, clock) {}

  std::string Show(const std::vector<Aggregator::Emission>& emissions) {
    return absl::StrJoin(emissions, " ", [](std::string* out, const auto& emission) {
      absl::StrAppend(out, emission.name, "@", emission.timestamp - kStart, "=", emission.value);
    });
  }
  std::string TakeAfter(int seconds) {
    clock.Advance(absl::Seconds(seconds));
    return Show(aggregator.TakeDue());
  }
  Result Add(const Aggregator::Spec& spec, int64_t offset, double value, const char* name = "x") {
    return aggregator.Add(spec, name, kStart + offset, value);
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(kStart)};
  Aggregator aggregator;
};

TEST_CASE("A bucket of carbon is emitted after its interval, and again when points come late",
          "[routing]") {
  Bench bench;
  const auto sum = Carbon("sum");
  CHECK(bench.Add(sum, 5, 1) == Result::kAdded);
  CHECK(bench.Add(sum, -1, 10) == Result::kAdded);
  CHECK(bench.TakeAfter(59).empty());
  CHECK(bench.TakeAfter(1) == "x@-60=10 x@0=1");
  CHECK(bench.TakeAfter(60).empty());
  CHECK(bench.Add(sum, 6, 2) == Result::kAdded);
  CHECK(bench.TakeAfter(60) == "x@0=3");
}

TEST_CASE("A point older than MAX_AGGREGATION_INTERVALS is late, and buckets of that age go",
          "[routing]") {
  Bench bench;
  const auto sum = Carbon("sum");
  CHECK(bench.Add(sum, -300, 1) == Result::kAdded);
  CHECK(bench.Add(sum, -301, 1) == Result::kLate);
  CHECK(bench.TakeAfter(60) == "x@-300=1");
  CHECK(bench.aggregator.output_count() == 0);
  CHECK(bench.aggregator.memory_bytes() == 0);
  const auto counts = bench.aggregator.counts();
  CHECK(counts.added == 1);
  CHECK(counts.late == 1);
  CHECK(counts.emitted == 1);
}

TEST_CASE("WRITE_BACK_FREQUENCY emits a bucket before its interval is over", "[routing]") {
  Bench bench({.write_back_seconds = 20});
  const auto sum = Carbon("sum");
  bench.Add(sum, 0, 1);
  CHECK(bench.TakeAfter(20) == "x@0=1");
  bench.Add(sum, 1, 1);
  CHECK(bench.TakeAfter(20) == "x@0=2");
  // Times that were missed are not made up for.
  bench.Add(sum, 2, 1);
  CHECK(bench.TakeAfter(65) == "x@0=3");
  bench.Add(sum, 3, 1);
  CHECK(bench.TakeAfter(14).empty());
  CHECK(bench.TakeAfter(1) == "x@0=4");
}

TEST_CASE("In carbon the first rule that names an output decides for all", "[routing]") {
  Bench bench;
  bench.Add(Carbon("max"), 0, 7);
  bench.Add(Carbon("sum", 10), 0, 5);
  CHECK(bench.TakeAfter(60) == "x@0=7");
}

TEST_CASE("Methods give their values", "[routing]") {
  const auto value_of = [](const Aggregator::Spec& spec) {
    Bench bench;
    for (const double value : {4.0, 1.0, 3.0, 2.0, 10.0}) bench.Add(spec, 0, value);
    bench.clock.Advance(absl::Seconds(600));
    const auto emissions = bench.aggregator.TakeDue();
    REQUIRE(emissions.size() == 1);
    return emissions.front().value;
  };
  CHECK(value_of(Carbon("sum")) == 20);
  CHECK(value_of(Carbon("avg")) == 4);
  CHECK(value_of(Carbon("min")) == 1);
  CHECK(value_of(Carbon("max")) == 10);
  CHECK(value_of(Carbon("count")) == 5);
  CHECK(value_of(Carbon("last")) == 10);
  CHECK(value_of(Carbon("median")) == 3);
  CHECK(value_of(Carbon("p75")) == 4);
  CHECK(value_of(Carbon("p90")) == Approx(7.6));
  CHECK(value_of(CarbonCRelay("median")) == 3);
  CHECK(value_of(CarbonCRelay("percentile1")) == 1);
  CHECK(value_of(CarbonCRelay("percentile90")) == 10);
  CHECK(value_of(CarbonCRelay("variance")) == 10);
  CHECK(value_of(CarbonCRelay("stddev")) == Approx(std::sqrt(10.0)));
}

TEST_CASE("A bucket of carbon-c-relay is emitted once, when it has expired", "[routing]") {
  Bench bench;
  const auto sum = CarbonCRelay("sum");
  REQUIRE(bench.Add(sum, 0, 1) == Result::kAdded);
  REQUIRE(bench.Add(sum, 10, 2) == Result::kAdded);
  // Expiry is 30 s after the start, and up to 9 s more, the same for every bucket of an output.
  std::string emitted;
  int waited = 0;
  while (emitted.empty()) {
    emitted = bench.TakeAfter(1);
    ++waited;
  }
  CHECK(emitted == "x@10=1");
  CHECK(waited > 30);
  CHECK(waited <= 40);
  CHECK(bench.Add(sum, 9, 1) == Result::kLate);
  CHECK(bench.Add(sum, 11, 1) == Result::kAdded);
  CHECK(bench.TakeAfter(9).empty());
  CHECK(bench.TakeAfter(1) == "x@20=3");
  CHECK(bench.aggregator.memory_bytes() == 0);
}

TEST_CASE("carbon-c-relay keeps no buckets far in the past or the future", "[routing]") {
  Bench bench;
  const auto sum = CarbonCRelay("sum");
  CHECK(bench.Add(sum, -31, 1) == Result::kLate);
  CHECK(bench.Add(sum, -30, 1) == Result::kAdded);
  CHECK(bench.Add(sum, 19, 1) == Result::kAdded);
  CHECK(bench.Add(sum, 20, 1) == Result::kTooEarly);
  CHECK(bench.aggregator.counts().too_early == 1);
}

TEST_CASE("Timestamps are at the start, the middle or the end of the bucket", "[routing]") {
  for (const auto& [at, offset] :
       {std::pair(TimestampAt::kStart, 0), std::pair(TimestampAt::kMiddle, 5),
        std::pair(TimestampAt::kEnd, 10)}) {
    Bench bench;
    bench.Add(CarbonCRelay("max", at), 3, 8);
    CHECK(bench.TakeAfter(60) == absl::StrCat("x@", offset, "=8"));
  }
}

TEST_CASE("Points beyond the memory bound are refused and counted", "[routing]") {
  Bench bench({.memory_bytes_max = 1000});
  const auto median = Carbon("median");
  int added = 0;
  while (bench.Add(median, 0, 1) == Result::kAdded) ++added;
  CHECK(added > 10);
  CHECK(added < 125);
  CHECK(bench.Add(median, 0, 1, "another") == Result::kNoMemory);
  CHECK(bench.aggregator.counts().no_memory == 2);
  CHECK(bench.aggregator.memory_bytes() <= 1000);
  CHECK(bench.TakeAfter(60) == "x@0=1");
  bench.TakeAfter(600);
  CHECK(bench.aggregator.memory_bytes() == 0);
}

TEST_CASE("A reload keeps the buckets of rules that stay and emits those of others", "[routing]") {
  Bench bench;
  const auto sum = Carbon("sum");
  const auto max = Carbon("max");
  bench.Add(sum, 0, 1, "stays");
  bench.Add(max, 0, 9, "goes");
  const auto same_rule = Carbon("sum");
  CHECK(bench.Show(bench.aggregator.Keep({same_rule})) == "goes@0=9");
  CHECK(bench.aggregator.output_count() == 1);
  bench.Add(same_rule, 0, 2, "stays");
  bench.clock.Advance(absl::Seconds(60));
  const auto emissions = bench.aggregator.TakeDue();
  CHECK(bench.Show(emissions) == "stays@0=3");
  CHECK(emissions.front().spec == same_rule);
}

TEST_CASE("An orderly stop gets what has not been emitted", "[routing]") {
  Bench bench;
  bench.Add(Carbon("sum"), 0, 1, "a");
  bench.Add(CarbonCRelay("sum"), 0, 2, "b");
  CHECK(bench.aggregator.TakeAll().size() == 2);
  CHECK(bench.aggregator.TakeAll().empty());
}

}  // namespace
}  // namespace plumbago::routing

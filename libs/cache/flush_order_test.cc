// Proves in which order series go to the store when it takes less than is due, by each strategy and
// within the rates, and that refused series hold up nobody and are known by name.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/point_cache.h"
#include "cache/refusal_list.h"

namespace plumbago::cache {
namespace {

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  CacheOptions options;
  std::unique_ptr<PointCache> cache;
  uint32_t time = 0;

  void Make() { cache = std::make_unique<PointCache>(options, clock, metrics); }
  void Append(const std::string& metric, int count) {
    const SeriesReference series = cache->Acquire("t", metric);
    for (int i = 0; i < count; ++i) {
      const double value = ++time;
      cache->Append({&series, 1}, {&time, 1}, {&value, 1});
    }
  }
  // Names of the series of the next batch; it is applied.
  std::vector<std::string> Flush() {
    auto batch = std::make_unique<FlushBatch>();
    if (!cache->TakeDue(batch.get())) return {};
    std::vector<std::string> names;
    for (const HotSeries* series : batch->series) names.emplace_back(series->metric());
    cache->OnApplied(std::move(batch), {});
    return names;
  }
  // From now on the series is not new.
  void MakeKnown(const std::string& metric) {
    Append(metric, 1);
    clock.Advance(options.new_series_flush_age);
    REQUIRE(Flush().size() == 1);
  }
};

using Names = std::vector<std::string>;

TEST_CASE("ParseFlushStrategy knows our names and carbon's", "[cache]") {
  const auto parse = [](absl::string_view text) {
    FlushStrategy strategy = FlushStrategy::kOldestFirst;
    REQUIRE(ParseFlushStrategy(text, &strategy));
    return strategy;
  };
  CHECK(parse("oldest-first") == FlushStrategy::kOldestFirst);
  CHECK(parse("timesorted") == FlushStrategy::kOldestFirst);
  CHECK(parse("naive") == FlushStrategy::kNaive);
  CHECK(parse("random") == FlushStrategy::kNaive);
  CHECK(parse("max") == FlushStrategy::kMax);
  CHECK(parse("sorted") == FlushStrategy::kSorted);
  FlushStrategy strategy = FlushStrategy::kMax;
  CHECK_FALSE(ParseFlushStrategy("bandwidth", &strategy));
}

// Three known series are due: "old" with 1 point, "big" with 20, "middle" with 5; one goes a
// second.
Names OrderOf(FlushStrategy strategy) {
  Fixture f;
  f.options.flush_strategy = strategy;
  f.options.updates_per_second_max = 1;
  f.Make();
  for (const char* name : {"old", "big", "middle"}) {
    f.MakeKnown(name);
    f.clock.Advance(absl::Seconds(1));
  }
  f.Append("old", 1);
  f.clock.Advance(absl::Seconds(1));
  f.Append("middle", 5);
  f.clock.Advance(absl::Seconds(1));
  f.Append("big", 20);
  f.clock.Advance(f.options.flush_age);
  Names order;
  for (int i = 0; i < 3; ++i) {
    const Names batch = f.Flush();
    REQUIRE(batch.size() == 1);
    order.push_back(batch[0]);
    CHECK(f.Flush().empty());  // the rate is used up
    f.clock.Advance(absl::Seconds(1));
  }
  CHECK(f.Flush().empty());
  return order;
}

TEST_CASE("oldest-first goes by age over all partitions", "[cache]") {
  CHECK(OrderOf(FlushStrategy::kOldestFirst) == Names{"old", "middle", "big"});
}

TEST_CASE("max and sorted go by the number of points", "[cache]") {
  CHECK(OrderOf(FlushStrategy::kMax) == Names{"big", "middle", "old"});
  CHECK(OrderOf(FlushStrategy::kSorted) == Names{"big", "middle", "old"});
}

TEST_CASE("naive takes what is due in some order, all of it", "[cache]") {
  Names order = OrderOf(FlushStrategy::kNaive);
  std::sort(order.begin(), order.end());
  CHECK(order == Names{"big", "middle", "old"});
}

TEST_CASE("New series go first, at the rate of creates, and hold up no updates", "[cache]") {
  Fixture f;
  f.options.creates_per_second_max = 2;
  f.Make();
  f.MakeKnown("known");
  f.clock.Advance(absl::Seconds(1));
  f.Append("known", 200);  // full: due at once
  for (int i = 0; i < 5; ++i) f.Append("new." + std::to_string(i), 1);
  f.clock.Advance(f.options.new_series_flush_age);
  const Names first = f.Flush();
  REQUIRE(first.size() == 3);  // a second's worth of creates, and the known one
  CHECK(first[0].substr(0, 4) == "new.");
  CHECK(first[1].substr(0, 4) == "new.");
  CHECK(first[2] == "known");
  CHECK(f.Flush().empty());
  f.clock.Advance(absl::Seconds(1));
  CHECK(f.Flush().size() == 2);
}

TEST_CASE("A cache that drains knows no rates", "[cache]") {
  Fixture f;
  f.options.updates_per_second_max = 1;
  f.options.creates_per_second_max = 1;
  f.Make();
  for (int i = 0; i < 100; ++i) f.Append("new." + std::to_string(i), 1);
  f.cache->BeginDrain();
  CHECK(f.Flush().size() == 100);
}

TEST_CASE("RefusalList remembers the latest series by name, and how often", "[cache]") {
  RefusalList list;
  const RefusedSeries quota{.point_count = 3, .reason = "quota", .message = "too many series"};
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  for (size_t i = 0; i < RefusalList::kSeriesMax; ++i) {
    list.Add("t", "m." + std::to_string(i), quota, now);
  }
  list.Add("t", "m.0", quota, now + absl::Seconds(1));
  list.Add("t", "one.more", quota, now);
  const auto entries = list.Get();
  REQUIRE(entries.size() == RefusalList::kSeriesMax);
  CHECK(entries[0].metric == "one.more");
  CHECK(entries[1].metric == "m.0");
  CHECK(entries[1].count == 2);
  CHECK(entries[1].refusal.point_count == 6);
  CHECK(entries[1].refusal.message == "too many series");
  CHECK(entries.back().metric == "m.2");  // m.1 had to go
}

}  // namespace
}  // namespace plumbago::cache

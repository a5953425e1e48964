// What is kept, for whom, how long, and who gives way; the clock moves only when told to.
#include "query/result_cache.h"

#include <catch2/catch.hpp>

namespace plumbago::query {
namespace {

constexpr absl::Duration kMinute = absl::Minutes(1);

ResultCache::Result ResultOf(size_t point_count, const std::string& name = "x") {
  functions::SeriesList list;
  list.push_back(functions::MakeSeries(name, 0, 10, 10, std::vector<double>(point_count)));
  return std::make_shared<const functions::SeriesList>(std::move(list));
}

ResultCache::Key KeyOf(const std::string& tenant, const std::string& text,
                       ResultCache::Level level = ResultCache::Level::kAnswer) {
  return {level, tenant, text};
}

class Fixture {
 public:
  explicit Fixture(size_t bytes_max) : cache(bytes_max, clock) {}

  bool Has(const std::string& tenant, const std::string& text) {
    return cache.Find(KeyOf(tenant, text)) != nullptr;
  }
  void Add(const std::string& tenant, const std::string& text, size_t point_count = 1000) {
    cache.Add(KeyOf(tenant, text), ResultOf(point_count), kMinute);
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  ResultCache cache;
};

TEST_CASE("A result is given until its time is over, to its tenant and level only",
          "[result_cache]") {
  Fixture fixture(1 << 20);
  fixture.Add("a", "q");
  CHECK(fixture.Has("a", "q"));
  CHECK_FALSE(fixture.Has("b", "q"));
  CHECK_FALSE(fixture.Has("a", "other"));
  CHECK(fixture.cache.Find(KeyOf("a", "q", ResultCache::Level::kFetch)) == nullptr);
  fixture.clock.Advance(absl::Seconds(59));
  CHECK(fixture.Has("a", "q"));
  fixture.clock.Advance(absl::Seconds(1));
  CHECK_FALSE(fixture.Has("a", "q"));
  const auto usage = fixture.cache.usage();
  CHECK(usage.entry_count == 0);
  CHECK(usage.bytes == 0);
  CHECK(usage.hit_count[0] == 2);
  CHECK(usage.miss_count[0] == 3);
  CHECK(usage.miss_count[1] == 1);
}

TEST_CASE("Memory is bounded and the oldest use gives way", "[result_cache]") {
  Fixture fixture(50'000);  // five results of some 9 kB
  for (int i = 0; i < 5; ++i) fixture.Add("a", std::to_string(i));
  CHECK(fixture.Has("a", "0"));
  fixture.Add("a", "5");
  CHECK(fixture.Has("a", "0"));
  CHECK_FALSE(fixture.Has("a", "1"));
  for (int i = 0; i < 1000; ++i) fixture.Add("a", std::to_string(i));
  CHECK(fixture.cache.usage().bytes <= 50'000);
  fixture.Add("a", "huge", 2000);
  CHECK_FALSE(fixture.Has("a", "huge"));
}

TEST_CASE("A tenant cannot push out one that has less", "[result_cache]") {
  Fixture fixture(50'000);
  fixture.Add("quiet", "q");
  for (int i = 0; i < 100; ++i) fixture.Add("loud", std::to_string(i));
  CHECK(fixture.Has("quiet", "q"));
  CHECK(fixture.Has("loud", "99"));
}

TEST_CASE("Adding again replaces, and 0 bytes keep nothing", "[result_cache]") {
  Fixture fixture(1 << 20);
  fixture.Add("a", "q", 10);
  fixture.Add("a", "q", 20);
  CHECK(fixture.cache.Find(KeyOf("a", "q"))->front().values.size() == 20);
  CHECK(fixture.cache.usage().entry_count == 1);
  Fixture off(0);
  off.Add("a", "q");
  CHECK_FALSE(off.Has("a", "q"));
}

TEST_CASE("The time to live grows with length and age of the range", "[result_cache]") {
  const auto seconds = [](int64_t length, int64_t age, std::optional<int64_t> asked = {}) {
    const int64_t now = 10'000'000;
    const functions::TimeRange range{now - age - length, now - age};
    return absl::ToInt64Seconds(TimeToLive(range, now, asked));
  };
  CHECK(seconds(60, 0) == 1);
  CHECK(seconds(3600, 0) == 7);
  CHECK(seconds(86400, 0) == 60);
  CHECK(seconds(8'640'000, -100) == 60);
  CHECK(seconds(60, 3600) == 60);
  CHECK(seconds(60, 1'000'000) == 600);
  CHECK(seconds(3600, 0, 30) == 30);
  CHECK(seconds(3600, 0, 0) == 0);
}

TEST_CASE("Ranges up to now share a key for the time to live, others do not", "[result_cache]") {
  const auto key = [](int64_t from, int64_t until) {
    return RangeKey({from, until}, 10'007, absl::Seconds(7));
  };
  CHECK(key(6403, 10'003) == key(6406, 10'006));
  CHECK(key(6403, 10'003) != key(6404, 10'003));
  CHECK(key(6403, 10'003) != key(6411, 10'011));
  CHECK(key(5000, 9000) != key(5001, 9001));
}

TEST_CASE("Blanks outside quotes do not matter", "[result_cache]") {
  CHECK(NormalisedTarget(" sum( a , 'x y\\' z' ) ") == "sum(a,'x y\\' z')");
  CHECK(NormalisedTarget("a b") == "ab");
  CHECK(NormalisedTarget("alias(a,\"it's  so\")") == "alias(a,\"it's  so\")");
}

}  // namespace
}  // namespace plumbago::query

// Proves the life of a point in the cache: visible from Append to the end of its linger, due by
// age, fill and pressure, never twice in flight, memory given back.
#include "cache/point_cache.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <tuple>

#include "cache/flusher.h"

namespace plumbago::cache {
namespace {

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  CacheOptions options;
  std::unique_ptr<PointCache> cache;

  PointCache& Make() {
    cache = std::make_unique<PointCache>(options, clock, metrics);
    return *cache;
  }
  void Append(const SeriesReference& series, uint32_t time, double value) {
    cache->Append({&series, 1}, {&time, 1}, {&value, 1});
  }
  std::vector<double> Read(const std::string& metric, uint32_t from = 0,
                           uint32_t until = ~uint32_t{0}) {
    std::vector<Point> points;
    cache->Read("t", metric, from, until, &points);
    std::vector<double> values;
    for (const Point& point : points) values.push_back(point.value);
    return values;
  }
  std::unique_ptr<FlushBatch> TakeDue() {
    auto batch = std::make_unique<FlushBatch>();
    return cache->TakeDue(batch.get()) ? std::move(batch) : nullptr;
  }
};

TEST_CASE("A point can be read from Append to the end of its linger", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a.b");
  f.Append(series, 100, 1.5);
  CHECK(f.Read("a.b") == std::vector<double>{1.5});  // pending
  f.clock.Advance(f.options.new_series_flush_age);
  auto batch = f.TakeDue();
  REQUIRE(batch != nullptr);
  CHECK(batch->series[0]->metric() == "a.b");
  CHECK(f.Read("a.b") == std::vector<double>{1.5});  // in flight
  cache.OnApplied(std::move(batch), {});
  CHECK(cache.unstored_points() == 0);
  cache.Expire();
  CHECK(f.Read("a.b") == std::vector<double>{1.5});  // lingers
  f.clock.Advance(f.options.flush_linger);
  cache.Expire();
  CHECK(f.Read("a.b").empty());
}

TEST_CASE("The cache says how long it has nothing to do, and when that ends", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  int told_count = 0;
  cache.SetListener([&] { ++told_count; });
  const SeriesReference series = cache.Acquire("t", "a");
  CHECK(cache.IdleTime() == absl::InfiniteDuration());
  f.Append(series, 1, 1);
  CHECK(told_count == 1);
  f.Append(series, 2, 1);
  CHECK(told_count == 1);  // one was pending
  CHECK(cache.IdleTime() == absl::ZeroDuration());
  f.clock.Advance(f.options.new_series_flush_age);
  auto batch = f.TakeDue();
  f.Append(series, 3, 1);
  CHECK(told_count == 1);  // two are in flight
  CHECK(cache.IdleTime() == absl::ZeroDuration());
  cache.OnApplied(std::move(batch), {});
  CHECK(cache.IdleTime() == absl::ZeroDuration());  // the third is pending
  f.clock.Advance(f.options.flush_age);
  cache.Expire();
  cache.OnApplied(f.TakeDue(), {});
  CHECK(cache.IdleTime() == f.options.flush_linger);
  f.clock.Advance(f.options.flush_linger);
  CHECK(cache.IdleTime() == absl::ZeroDuration());
  cache.Expire();
  CHECK(cache.IdleTime() == absl::InfiniteDuration());
  f.Append(series, 4, 1);
  CHECK(told_count == 2);
}

TEST_CASE("A new series is due early, a known one at flush_age, a full one at once", "[cache]") {
  Fixture f;
  f.options.flush_points = 3;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  f.Append(series, 1, 1);
  CHECK(f.TakeDue() == nullptr);
  f.clock.Advance(f.options.new_series_flush_age);
  auto batch = f.TakeDue();
  REQUIRE(batch != nullptr);
  cache.OnApplied(std::move(batch), {});

  f.Append(series, 2, 2);
  f.clock.Advance(f.options.new_series_flush_age);
  CHECK(f.TakeDue() == nullptr);
  f.clock.Advance(f.options.flush_age);
  batch = f.TakeDue();
  REQUIRE(batch != nullptr);
  cache.OnApplied(std::move(batch), {});

  for (uint32_t i = 0; i < 3; ++i) f.Append(series, 3 + i, i);
  batch = f.TakeDue();
  REQUIRE(batch != nullptr);
  CHECK(batch->point_count == std::vector<uint32_t>{3});
  cache.OnApplied(std::move(batch), {});
}

TEST_CASE("A series is in one batch at a time and later points follow in the next", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  f.Append(series, 1, 1);
  cache.BeginDrain();
  auto first = f.TakeDue();
  REQUIRE(first != nullptr);
  f.Append(series, 2, 2);
  CHECK(f.TakeDue() == nullptr);
  cache.OnApplied(std::move(first), {});
  auto second = f.TakeDue();
  REQUIRE(second != nullptr);
  CHECK(second->value == std::vector<double>{2});
  CHECK(f.Read("a") == std::vector<double>{1, 2});
  cache.OnApplied(std::move(second), {});
}

TEST_CASE("Refused points are kept where they may be sent again, else counted", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference retried = cache.Acquire("t", "retried");
  const SeriesReference lost = cache.Acquire("t", "lost");
  f.Append(retried, 1, 1);
  f.Append(lost, 1, 1);
  cache.BeginDrain();
  auto batch = f.TakeDue();
  REQUIRE(batch != nullptr);
  std::vector<RefusedSeries> refused;
  for (uint32_t i = 0; i < 2; ++i) {
    refused.push_back({.index = i,
                       .point_count = 1,
                       .may_retry = batch->series[i]->metric() == "retried",
                       .reason = "corrupt_file"});
  }
  cache.OnApplied(std::move(batch), refused);
  CHECK(cache.unstored_points() == 1);
  CHECK(f.metrics.refused_by_store("t", "corrupt_file").Value() == 1);
  CHECK(f.metrics.points_stored.Value() == 0);
  CHECK(f.TakeDue() == nullptr);  // not in a tight loop, though everything is due
  f.clock.Advance(absl::Seconds(1));
  auto again = f.TakeDue();
  REQUIRE(again != nullptr);
  CHECK(again->series[0]->metric() == "retried");
  cache.OnApplied(std::move(again), {});
  CHECK(cache.unstored_points() == 0);
}

TEST_CASE("Read gives the points of a range and of one tenant only", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference mine = cache.Acquire("t", "a");
  const SeriesReference other = cache.Acquire("u", "a");
  for (uint32_t i = 10; i <= 13; ++i) f.Append(mine, i, i);
  f.Append(other, 11, 99);
  CHECK(f.Read("a", 11, 12) == std::vector<double>{11, 12});
  CHECK(f.Read("none").empty());
}

TEST_CASE("Memory is given back when points and references are gone", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  CHECK(cache.memory_bytes() == 0);
  {
    std::vector<SeriesReference> references;
    for (int i = 0; i < 1000; ++i) {
      references.push_back(cache.Acquire("t", "m." + std::to_string(i)));
      for (uint32_t k = 0; k < 10; ++k) f.Append(references.back(), k, k);
    }
    CHECK(cache.memory_bytes() > 1000 * (sizeof(HotSeries) + 10));
    cache.Release(references);
  }
  cache.BeginDrain();
  while (auto batch = f.TakeDue()) cache.OnApplied(std::move(batch), {});
  f.clock.Advance(f.options.flush_linger);
  cache.Expire();
  CHECK(cache.memory_bytes() == 0);
}

TEST_CASE("WaitForRoom blocks at the bound until points leave", "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 20'000;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  uint32_t time = 0;
  while (cache.memory_bytes() < f.options.memory_bytes_max) f.Append(series, ++time, 1);
  bool has_room = false;
  std::thread waiter([&] { has_room = cache.WaitForRoom(); });
  // Everything is due under pressure, and nothing lingers.
  while (auto batch = f.TakeDue()) cache.OnApplied(std::move(batch), {});
  cache.Expire();
  waiter.join();
  CHECK(has_room);
  CHECK(cache.memory_bytes() < f.options.memory_bytes_max);
}

TEST_CASE("Stop releases those that wait for room", "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 20'000;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  uint32_t time = 0;
  while (cache.memory_bytes() < f.options.memory_bytes_max) f.Append(series, ++time, 1);
  bool has_room = true;
  std::thread waiter([&] { has_room = cache.WaitForRoom(); });
  cache.Stop();
  waiter.join();
  CHECK_FALSE(has_room);
}

TEST_CASE("New names are refused when names fill half of the memory", "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 100'000;
  PointCache& cache = f.Make();
  const SeriesReference known = cache.Acquire("t", "known");
  SeriesReference last = known;
  for (int i = 0; last.series != nullptr && i < 10'000; ++i) {
    last = cache.Acquire("t", "name." + std::to_string(i));
  }
  CHECK(last.series == nullptr);
  CHECK(cache.Acquire("t", "known").series == known.series);
}

TEST_CASE("The later arrival at the relay wins a time, in whatever order batches come", "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  const auto append = [&](uint32_t time, double value, int64_t received_unix_ms) {
    cache.Append({&series, 1}, {&time, 1}, {&value, 1}, {.received_unix_ms = received_unix_ms});
  };
  constexpr int64_t kNow = 1'700'000'000'000;
  const auto winner = [&](uint32_t time) {
    const std::vector<double> values = f.Read("a", time, time);
    return values.empty() ? -1.0 : values.back();
  };
  append(10, 1, kNow + 50);
  append(20, 2, kNow + 300);
  append(10, 3, kNow + 100);  // of a spool: later than the first of its time, so it wins
  CHECK(winner(10) == 3);
  append(10, 4, kNow + 70);  // of an older segment of the spool
  CHECK(winner(10) == 3);
  append(20, 5, kNow + 200);
  CHECK(winner(20) == 2);
  append(10, 6, kNow + 400);
  CHECK(winner(10) == 6);
  append(10, 7, 0);  // not known: after all others
  CHECK(winner(10) == 7);
  CHECK(f.metrics.points_merged.Value() == 2);
  CHECK(cache.unstored_points() == 5);
}

TEST_CASE("A batch that comes again after a later one changes nothing and takes nothing",
          "[cache]") {
  Fixture f;
  PointCache& cache = f.Make();
  const SeriesReference series[] = {cache.Acquire("t", "a"), cache.Acquire("t", "b")};
  const uint32_t times[] = {10, 10};
  const double values[] = {1, 2};
  constexpr int64_t kNow = 1'700'000'000'000;
  cache.Append(series, times, values, {.received_unix_ms = kNow});
  const uint32_t later_times[] = {20, 20};
  cache.Append(series, later_times, values, {.received_unix_ms = kNow + 1});
  const size_t bytes = cache.memory_bytes();
  for (int i = 0; i < 10; ++i) cache.Append(series, times, values, {.received_unix_ms = kNow});
  CHECK(cache.memory_bytes() == bytes);
  CHECK(f.Read("a") == std::vector<double>{1, 1});
  CHECK(cache.unstored_points() == 4);
}

// The values that are sent for each time, whatever the order of delivery, against a model that
// knows the arrivals.
TEST_CASE("Batches delivered in any order, again and again, end with the latest arrivals",
          "[cache]") {
  const uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    Fixture f;
    PointCache& cache = f.Make();
    const SeriesReference series = cache.Acquire("t", "a");
    std::map<uint32_t, std::pair<int64_t, double>> latest;  // by time
    std::vector<std::tuple<uint32_t, double, int64_t>> sent;
    for (int i = 0; i < 200; ++i) {
      const auto time = static_cast<uint32_t>(1000 + random() % 30);
      const int64_t received = 1'700'000'000'000 + i;
      sent.emplace_back(time, i, received);
      latest[time] = {received, i};
    }
    const auto once = sent;
    sent.insert(sent.end(), once.begin(), once.begin() + 100);  // some come twice
    std::shuffle(sent.begin(), sent.end(), random);
    for (const auto& [time, value, received] : sent) {
      cache.Append({&series, 1}, {&time, 1}, {&value, 1}, {.received_unix_ms = received});
    }
    for (const auto& [time, winner] : latest) {
      REQUIRE(f.Read("a", time, time).back() == winner.second);
    }
  }
}

TEST_CASE("The tenant with more than its share is marked when memory is short, others are not",
          "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 200'000;
  PointCache& cache = f.Make();
  const SeriesReference hog = cache.Acquire("hog", "a");
  const SeriesReference modest = cache.Acquire("modest", "a");
  f.Append(modest, 1, 1);
  cache.UpdatePressure(0);
  CHECK_FALSE(cache.has_unfair_tenants());
  for (uint32_t time = 1; !cache.memory().is_short(); ++time) f.Append(hog, time * time, time);
  cache.UpdatePressure(0);
  CHECK(cache.has_unfair_tenants());
  CHECK(PointCache::IsOverShare(hog));
  CHECK_FALSE(PointCache::IsOverShare(modest));
  CHECK(cache.Acquire("hog", "new").series == nullptr);
  CHECK(cache.Acquire("modest", "new").series != nullptr);
  while (auto batch = f.TakeDue()) cache.OnApplied(std::move(batch), {});
  cache.Expire();
  cache.UpdatePressure(0);
  CHECK_FALSE(cache.has_unfair_tenants());
  CHECK_FALSE(PointCache::IsOverShare(hog));
}

TEST_CASE("A tenant alone is never over its share: it waits at the bound", "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 20'000;
  PointCache& cache = f.Make();
  const SeriesReference series = cache.Acquire("t", "a");
  for (uint32_t time = 1; !cache.memory().is_short(); ++time) f.Append(series, time * time, time);
  cache.UpdatePressure(0);
  CHECK_FALSE(cache.has_unfair_tenants());
}

TEST_CASE("FairShare gives the modest what they need and divides the rest equally", "[cache]") {
  CHECK(FairShare({10, 20, 70}, 100) == SIZE_MAX);  // all fit
  CHECK(FairShare({10, 20, 700}, 100) == 70);
  CHECK(FairShare({10, 300, 700}, 100) == 45);
  CHECK(FairShare({500, 300, 700}, 90) == 30);
  CHECK(FairShare({}, 90) == SIZE_MAX);
}

TEST_CASE("Idle names make the cache ask for fresh dictionaries, names with points do not",
          "[cache]") {
  Fixture f;
  f.options.memory_bytes_max = 100'000;
  f.options.flush_linger = absl::ZeroDuration();
  PointCache& cache = f.Make();
  std::vector<SeriesReference> references;
  for (uint32_t i = 0; i < 200; ++i) {
    references.push_back(cache.Acquire("t", "name." + std::to_string(i)));
    f.Append(references.back(), 1, 1);
  }
  CHECK_FALSE(cache.wants_fresh_dictionaries());
  cache.BeginDrain();
  while (auto batch = f.TakeDue()) cache.OnApplied(std::move(batch), {});
  cache.Expire();
  CHECK(cache.wants_fresh_dictionaries());
  cache.Release(references);
  CHECK_FALSE(cache.wants_fresh_dictionaries());
}

// Applies at once what it is sent, as a store does, and hands it back.
class ImmediateStore final : public StoreWriter {
 public:
  explicit ImmediateStore(PointCache& cache) : cache_(cache) {}
  void Send(std::unique_ptr<FlushBatch> batch) override {
    stored_count += batch->value.size();
    cache_.OnApplied(std::move(batch), {});
    flusher->OnBatchDone();
  }
  Flusher* flusher = nullptr;
  std::atomic<uint64_t> stored_count{0};

 private:
  PointCache& cache_;
};

TEST_CASE("Appends, reads and flushes at once lose and hide nothing", "[cache]") {
  Fixture f;
  f.options.flush_points = 7;
  base::SystemClock clock;
  PointCache cache(f.options, clock, f.metrics);
  ImmediateStore store(cache);
  Flusher flusher({.interval = absl::Milliseconds(1)}, cache, store, clock);
  store.flusher = &flusher;
  flusher.Start();
  constexpr uint32_t kPoints = 20'000;
  const SeriesReference shared = cache.Acquire("t", "shared");
  std::atomic<int> hidden_count{0};  // Catch2's checks belong to one thread
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      const SeriesReference own = cache.Acquire("t", "own." + std::to_string(w));
      for (uint32_t i = 1; i <= kPoints; ++i) {
        const SeriesReference series[] = {own, shared};
        const uint32_t times[] = {i, i};
        const double values[] = {1.0 * i, 1.0 * i};
        cache.Append(series, times, values);
        if (i % 500 != 0) continue;
        std::vector<Point> points;  // the newest point is always there: it lingers for seconds
        cache.Read("t", "own." + std::to_string(w), i, i, &points);
        if (points.size() != 1) ++hidden_count;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(flusher.Drain(clock.Monotonic() + absl::Seconds(30)) == 0);
  flusher.Stop();
  CHECK(store.stored_count == 4 * kPoints);
  CHECK(hidden_count == 0);
}

}  // namespace
}  // namespace plumbago::cache

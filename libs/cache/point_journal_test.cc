// Proves that what a cache has taken is in its memory again after a crash, in the same order, until
// the store has synced it, and what stops a replay.
#include "cache/point_journal.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "cache/journal_cutter.h"
#include "cache/journal_replay.h"

namespace plumbago::cache {
namespace {

// A cache with a journal in `directory`, as a process has them: begins with a replay.
class Process {
 public:
  Process(base::FileSystem& file_system, const std::string& directory, ReplayOptions replay = {},
          const JournalOptions& given = {}, const CacheOptions& cache_options = {})
      : cache(cache_options, clock, metrics) {
    replay.directory = directory;
    replayed_ = ReplayJournal(file_system, replay, cache, metrics);
    if (!replayed_.ok()) return;
    JournalOptions options = given;
    options.writer.directory = directory;
    options.writer.sync = journal::SyncPolicy::kNever;
    journal = PointJournal::Open(file_system, clock, options, *replayed_, cache).value();
  }

  absl::Status Append(const std::string& metric, uint32_t time, double value,
                      const std::string& tenant = "t") {
    const SeriesReference series = cache.Acquire(tenant, metric);
    const absl::Status status = journal->Append({&series, 1}, {&time, 1}, {&value, 1});
    cache.Release({&series, 1});
    return status;
  }
  std::vector<double> Read(const std::string& metric, const std::string& tenant = "t") const {
    std::vector<Point> points;
    cache.Read(tenant, metric, 0, ~uint32_t{0}, &points);
    std::vector<double> values;
    for (const Point& point : points) values.push_back(point.value);
    return values;
  }
  // The store applies everything that is due; sequences count on.
  void Flush() {
    clock.Advance(absl::Seconds(60));
    for (;;) {
      auto batch = std::make_unique<FlushBatch>();
      if (!cache.TakeDue(batch.get())) return;
      durability.OnApplied(++sequence, batch->oldest_segment);
      cache.OnApplied(std::move(batch), {});
    }
  }
  void Cut() { JournalCutter(*journal, cache, durability, clock).CutOnce(); }
  const absl::StatusOr<journal::ReadResult>& replayed() const { return replayed_; }

  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  PointCache cache;
  DurabilityTracker durability;
  std::unique_ptr<PointJournal> journal;
  uint64_t sequence = 0;

 private:
  absl::StatusOr<journal::ReadResult> replayed_;
};

struct Fixture {
  base::testing::TemporaryDirectory temporary;
  std::string directory = temporary.path() + "/journal";
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
};

TEST_CASE("Points of many series and tenants are there again after a crash", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory);
    REQUIRE(process.Append("a", 10, 1).ok());
    REQUIRE(process.Append("b", 10, 2).ok());
    REQUIRE(process.Append("a", 20, 3).ok());
    REQUIRE(process.Append("a", 10, 4, "u").ok());
    REQUIRE(process.Append("a", 10, 5).ok());  // the same time again: the later one wins
  }
  const Process next(*f.file_system, f.directory);
  CHECK(next.Read("a") == std::vector<double>{1, 3, 5});
  CHECK(next.Read("b") == std::vector<double>{2});
  CHECK(next.Read("a", "u") == std::vector<double>{4});
  CHECK(next.cache.unstored_points() == 5);
  CHECK(next.metrics.points_replayed.Value() == 5);
}

TEST_CASE("Each segment can be read without those before it", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory, {}, {.writer = {.segment_bytes_max = 1}});
    for (uint32_t i = 0; i < 5; ++i) REQUIRE(process.Append("a", i, i).ok());
  }
  for (const uint64_t segment : {1, 2, 3}) {
    REQUIRE(
        f.file_system->Remove(absl::StrCat(f.directory, "/000000000000000", segment, ".journal"))
            .ok());
  }
  const Process next(*f.file_system, f.directory);
  CHECK(next.Read("a") == std::vector<double>{3, 4});
}

TEST_CASE("A segment is removed when the store has synced its points, not before",
          "[point_journal]") {
  Fixture f;
  Process process(*f.file_system, f.directory);
  REQUIRE(process.Append("a", 10, 1).ok());
  process.clock.Advance(absl::Minutes(2));
  process.Cut();  // ends the segment by its age
  const uint64_t full = process.journal->total_bytes();
  process.Cut();
  CHECK(process.journal->total_bytes() == full);
  process.Flush();
  process.Cut();
  CHECK(process.journal->total_bytes() == full);  // applied, not synced
  REQUIRE(process.Append("b", 20, 2).ok());
  process.durability.OnDurable(process.sequence);
  process.Cut();
  CHECK(process.journal->total_bytes() < full);
  const Process next(*f.file_system, f.directory);
  CHECK(next.Read("a").empty());
  CHECK(next.Read("b") == std::vector<double>{2});
}

TEST_CASE("Points that the store refused for now keep their segment", "[point_journal]") {
  Fixture f;
  Process process(*f.file_system, f.directory);
  REQUIRE(process.Append("a", 10, 1).ok());
  process.clock.Advance(absl::Minutes(2));
  auto batch = std::make_unique<FlushBatch>();
  REQUIRE(process.cache.TakeDue(batch.get()));
  process.durability.OnApplied(1, batch->oldest_segment);
  process.cache.OnApplied(
      std::move(batch),
      {{RefusedSeries{.index = 0, .point_count = 1, .may_retry = true, .reason = "write_failed"}}});
  process.durability.OnDurable(1);
  process.Cut();
  const Process next(*f.file_system, f.directory);
  CHECK(next.Read("a") == std::vector<double>{1});
}

TEST_CASE("Points of deleted tenants are left out and counted", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory);
    REQUIRE(process.Append("a", 10, 1, "gone").ok());
    REQUIRE(process.Append("a", 10, 2, "here").ok());
  }
  ReplayOptions options;
  options.is_deleted = [](absl::string_view tenant) { return tenant == "gone"; };
  Process next(*f.file_system, f.directory, options);
  CHECK(next.Read("a", "gone").empty());
  CHECK(next.Read("a", "here") == std::vector<double>{2});
  CHECK(next.metrics.dropped("gone", "tenant_deleted").Value() == 1);
}

TEST_CASE("After a crash the later arrival of a time still wins over what comes then",
          "[point_journal]") {
  Fixture f;
  constexpr int64_t kNow = 1'700'000'000'000;
  const auto append = [](Process& process, double value, int64_t received_unix_ms) {
    const SeriesReference series = process.cache.Acquire("t", "a");
    const uint32_t time = 10;
    REQUIRE(process.journal->Append({&series, 1}, {&time, 1}, {&value, 1}, received_unix_ms).ok());
    process.cache.Release({&series, 1});
  };
  {
    Process process(*f.file_system, f.directory);
    append(process, 2, kNow + 200);
    append(process, 1, kNow + 100);  // of a spool
    CHECK(process.Read("a") == std::vector<double>{2});
  }
  Process again(*f.file_system, f.directory);
  REQUIRE(again.replayed().ok());
  CHECK(again.Read("a") == std::vector<double>{2});
  append(again, 0, kNow + 50);
  CHECK(again.Read("a") == std::vector<double>{2});
  append(again, 3, kNow + 300);
  CHECK(again.Read("a").back() == 3);
}

TEST_CASE("Many workers end a replay with the same points in the same order as one",
          "[point_journal]") {
  Fixture f;
  const uint64_t seed = std::random_device{}();
  UNSCOPED_INFO("seed " << seed);
  std::mt19937_64 random(seed);
  constexpr int kSeries = 300;
  std::vector<std::vector<double>> model(kSeries);
  {
    Process process(*f.file_system, f.directory, {}, {.writer = {.segment_bytes_max = 64 << 10}});
    std::vector<SeriesReference> all;
    for (int i = 0; i < kSeries; ++i)
      all.push_back(process.cache.Acquire("t", absl::StrCat("s.", i)));
    // Records of one point and of many more than a piece holds; few times, so that many are twice.
    for (int record = 0; record < 400; ++record) {
      std::vector<SeriesReference> series;
      std::vector<uint32_t> times;
      std::vector<double> values;
      const size_t count = record % 100 == 99 ? 5000 : 1 + random() % 20;
      for (size_t i = 0; i < count; ++i) {
        const size_t one = random() % kSeries;
        series.push_back(all[one]);
        times.push_back(static_cast<uint32_t>(random() % 50));
        values.push_back(static_cast<double>(random() % 1'000'000));
        model[one].push_back(values.back());
      }
      REQUIRE(process.journal->Append(series, times, values).ok());
    }
    process.cache.Release(all);
  }
  for (const size_t worker_count : {1, 2, 3, 8}) {
    INFO("workers " << worker_count);
    uint64_t reported_count = 0;
    ReplayOptions options;
    options.worker_count = worker_count;
    options.on_progress = [&reported_count](uint64_t count) { reported_count = count; };
    const Process next(*f.file_system, f.directory, options, {}, {.memory_bytes_max = 16 << 20});
    REQUIRE(next.replayed().ok());
    uint64_t point_count = 0;
    for (int i = 0; i < kSeries; ++i) {
      REQUIRE(next.Read(absl::StrCat("s.", i)) == model[static_cast<size_t>(i)]);
      point_count += model[static_cast<size_t>(i)].size();
    }
    CHECK(reported_count == point_count);
    CHECK(next.metrics.points_replayed.Value() == static_cast<double>(point_count));
    CHECK(next.cache.unstored_points() == point_count);
  }
}

TEST_CASE("A replay that waits for memory ends when the process has to stop", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory, {}, {.writer = {.segment_bytes_max = 64 << 10}});
    for (uint32_t i = 0; i < 3000; ++i) {
      const std::vector<uint32_t> times(100, i);
      std::vector<SeriesReference> series;
      std::vector<double> values;
      for (uint32_t one = 0; one < 100; ++one) {
        series.push_back(process.cache.Acquire("t", absl::StrCat("s.", one)));
        values.push_back(1 / (1.0 + i * one));
      }
      REQUIRE(process.journal->Append(series, times, values).ok());
      process.cache.Release(series);
    }
  }
  // Nobody flushes, and the points take more than the bound.
  constexpr size_t kBytesMax = 1 << 20;
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  PointCache cache({.memory_bytes_max = kBytesMax}, clock, metrics);
  int asked_count = 0;  // since the memory is full
  ReplayOptions options{.directory = f.directory};
  options.is_stopping = [&] { return cache.memory().is_full() && ++asked_count > 3; };
  CHECK(absl::IsCancelled(ReplayJournal(*f.file_system, options, cache, metrics).status()));
  CHECK(metrics.points_replayed.Value() < 300'000);
  // Beyond it is one run of points a worker at most.
  CHECK(cache.memory_bytes() < kBytesMax + (64 << 10));
}

TEST_CASE("A replay ends when the process has to stop", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory);
    for (uint32_t i = 0; i < 10; ++i) REQUIRE(process.Append("a", i, i).ok());
  }
  int asked_count = 0;
  ReplayOptions options;
  options.is_stopping = [&asked_count] { return ++asked_count > 3; };
  Process again(*f.file_system, f.directory, options);
  CHECK(absl::IsCancelled(again.replayed().status()));
  CHECK(again.Read("a").size() < 10);
}

TEST_CASE("Damage stops a replay, and is named; a salvage leaves it out", "[point_journal]") {
  Fixture f;
  {
    Process process(*f.file_system, f.directory, {}, {.writer = {.segment_bytes_max = 1}});
    for (uint32_t i = 0; i < 3; ++i) REQUIRE(process.Append("a", i, i).ok());
  }
  const std::string path = f.directory + "/0000000000000001.journal";
  std::string bytes = base::ReadWholeFile(*f.file_system, path, 1 << 20).value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  REQUIRE(base::WriteFileAtomically(*f.file_system, path, bytes).ok());
  const Process stopped(*f.file_system, f.directory);
  CHECK(absl::IsDataLoss(stopped.replayed().status()));
  CHECK_THAT(std::string(stopped.replayed().status().message()),
             Catch::Matchers::Contains("0000000000000001.journal is damaged at byte"));
  ReplayOptions options;
  options.on_damage = journal::OnDamage::kSkip;
  const Process salvaged(*f.file_system, f.directory, options);
  REQUIRE(salvaged.replayed().ok());
  CHECK(salvaged.replayed()->skipped.size() == 1);
  CHECK(salvaged.Read("a") == std::vector<double>{1, 2});
}

TEST_CASE("A full disk refuses a batch as a whole, and the next one is taken", "[point_journal]") {
  for (uint64_t nth = 1; nth <= 4; ++nth) {
    Fixture f;
    base::testing::FaultFileSystem faulty(*f.file_system);
    std::vector<double> taken;
    {
      Process process(faulty, f.directory);
      faulty.Set({.nth = nth,
                  .kinds = base::testing::FaultFileSystem::kWrite,
                  .fault = base::testing::FaultFileSystem::Fault::kShortWrite});
      for (uint32_t i = 0; i < 4; ++i) {
        if (process.Append("a", i, i).ok()) taken.push_back(i);
      }
      CHECK(process.Read("a") == taken);
      CHECK(taken.size() == 3);
    }
    const Process next(*f.file_system, f.directory);
    CHECK(next.Read("a") == taken);
  }
}

TEST_CASE("Streams that write one series agree with the replay about the order",
          "[point_journal]") {
  Fixture f;
  std::vector<double> order;
  {
    Process process(*f.file_system, f.directory);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&process, t] {
        for (int i = 0; i < 200; ++i) {
          if (!process.Append("a", 10, t * 1000 + i).ok()) std::abort();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    order = process.Read("a");
  }
  const Process next(*f.file_system, f.directory);
  CHECK(next.Read("a") == order);
  CHECK(order.size() == 800);
}

TEST_CASE("A journal at its bound makes relays wait until it is cut", "[point_journal]") {
  Fixture f;
  Process process(*f.file_system, f.directory, {}, {.bytes_max = 64});
  REQUIRE(process.Append("a", 10, 1).ok());
  std::thread relay([&process] {
    if (!process.journal->WaitForRoom()) std::abort();
  });
  process.Flush();
  process.durability.OnDurable(process.sequence);
  process.clock.Advance(absl::Minutes(2));
  process.Cut();
  relay.join();
  CHECK(process.journal->total_bytes() < 64);
}

}  // namespace
}  // namespace plumbago::cache

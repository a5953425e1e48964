// Proves that what the cache counts as its memory is what the allocator has handed out, within 5 %:
// in a process that runs on jemalloc, as the services do. Prints what a series and a point take.
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/allocator.h"
#include "base/testing/temporary_directory.h"
#include "cache/ingest_session.h"

namespace plumbago::cache {
namespace {

size_t Allocated() { return base::ReadAllocatorStats().value().allocated_bytes; }

// A cache behind a relay's stream, all of it made between two looks at the allocator.
struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  PointCache cache{{.memory_bytes_max = size_t{8} << 30}, clock, metrics};
  std::unique_ptr<PointJournal> journal =
      PointJournal::Open(
          *file_system, clock,
          {.writer = {.directory = directory.path(), .sync = journal::SyncPolicy::kNever}}, {},
          cache)
          .value();
  IngestSession session{cache, *journal, metrics};
  uint64_t sequence = 0;
  size_t before_bytes = Allocated();
  size_t counted_before_bytes = cache.memory_bytes();

  // One point of each of so many series, of three tenants, in a relay's batches.
  void SendRound(uint32_t series_count, uint32_t round) {
    constexpr uint32_t kBatch = 12'000;
    for (uint32_t first = 0; first < series_count; first += kBatch) {
      v1::PointBatch batch;
      batch.set_sequence(++sequence);
      batch.set_received_unix_ms(1'700'000'000'000 + round * 10'000 + first % 97);
      for (uint32_t id = first; id < std::min(series_count, first + kBatch); ++id) {
        if (round == 0) Define(id, batch.mutable_definitions());
        batch.add_series_id(id);
        batch.add_time(1'700'000'000 + round * 10);
        batch.add_value((id * 31 + round * 7) % 1'000'000);
      }
      v1::IngestResponse response;
      REQUIRE(session.Apply(batch, &response).ok());
    }
  }
  static void Define(uint32_t id, v1::SeriesDefinitions* definitions) {
    if (definitions->tenant_size() == 0) {
      for (const char* tenant : {"default", "customer-one", "customer-two"}) {
        definitions->add_tenant(tenant);
      }
    }
    const std::string metric = absl::StrCat("bench.dc", id % 4, ".rack", id / 4 % 50, ".host",
                                            id / 1000, ".metric", id % 1000, ".value");
    definitions->add_tenant_index(id % 3);
    definitions->add_id(id);
    definitions->add_metric_bytes(static_cast<uint32_t>(metric.size()));
    definitions->mutable_metrics()->append(metric);
  }

  void CheckCounted(const char* when) {
    const auto allocated = static_cast<double>(Allocated() - before_bytes);
    const auto counted = static_cast<double>(cache.memory_bytes() - counted_before_bytes);
    std::printf("%s: %.1f MiB allocated, %.1f MiB counted (%+.2f %%)\n", when,
                allocated / (1 << 20), counted / (1 << 20), (counted / allocated - 1) * 100);
    CHECK(counted == Approx(allocated).epsilon(0.05));
  }
};

TEST_CASE("What the cache counts is what the allocator has handed out, within 5 %", "[memory]") {
  Fixture f;
  constexpr uint32_t kSeries = 100'000;
  f.SendRound(kSeries, 0);
  f.CheckCounted("names and one point each");
  for (uint32_t round = 1; round < 10; ++round) f.SendRound(kSeries, round);
  f.CheckCounted("10 points each");
  const size_t pending_bytes = f.cache.memory_bytes();
  f.clock.Advance(absl::Seconds(60));
  for (;;) {
    auto batch = std::make_unique<FlushBatch>();
    if (!f.cache.TakeDue(batch.get())) break;
    f.cache.OnApplied(std::move(batch), {});
  }
  f.CheckCounted("stored and lingering");
  // Of a batch that lingers nothing but its series is kept.
  CHECK(f.cache.memory_bytes() < pending_bytes + kSeries * 32);
  f.SendRound(kSeries, 10);
  f.clock.Advance(absl::Seconds(60));
  f.cache.Expire();
  f.CheckCounted("after the linger");
}

TEST_CASE("200,000 series with 30 points each take at most 80 MiB", "[memory]") {
  Fixture f;
  for (uint32_t round = 0; round < 30; ++round) f.SendRound(200'000, round);
  f.CheckCounted("200,000 series with 30 points");
  CHECK(f.cache.memory_bytes() <= size_t{80} << 20);
}

}  // namespace
}  // namespace plumbago::cache

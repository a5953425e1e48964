// Find in a tenant of 200,000 series, without any cache of results.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "index/series_index.h"

namespace plumbago::index {
namespace {

constexpr size_t kSeries = 200'000;

// bench.<dc>.<rack>.<host>.<service>.metric<n>.value with 2 * 5 * 10 * 10 = 1000 branches of 200.
struct Fixture {
  Fixture() {
    std::vector<SeriesEntry> entries;
    for (size_t i = 0; i < kSeries; ++i) {
      const size_t branch = i / 200;
      entries.push_back(
          {absl::StrCat("bench.dc", branch % 2, ".rack", branch / 2 % 5, ".host", branch / 10 % 10,
                        ".service", branch / 100, ".metric", i % 200, ".value"),
           {}});
    }
    PLUMBAGO_CHECK(index->AddMany("default", entries).ok());
    PLUMBAGO_CHECK(index->series_count() == kSeries);
  }
  base::MemoryKeyValue kv;
  std::unique_ptr<SeriesIndex> index = *SeriesIndex::Open(kv);
};

void Find(benchmark::State& state, const char* pattern) {
  static Fixture fixture;
  size_t matches = 0;
  for (auto _ : state) {
    matches = fixture.index->Find("default", pattern, kSeries)->size();
    benchmark::DoNotOptimize(matches);
  }
  state.counters["matches"] = static_cast<double>(matches);
}

BENCHMARK_CAPTURE(Find, one_metric_in_every_branch, "bench.*.*.*.*.metric123.value")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Find, braces, "bench.dc0.*.host{1,2}.*.metric{7,8,9}.value")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Find, scan_of_every_name, "bench.*.*.*.*.*99.value")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Find, every_series, "bench.*.*.*.*.*.value")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Find, any_depth, "**.metric123.value")->Unit(benchmark::kMillisecond);

void Add(benchmark::State& state) {
  base::MemoryKeyValue kv;
  auto index = *SeriesIndex::Open(kv);
  size_t i = 0;
  for (auto _ : state) {
    PLUMBAGO_CHECK(index->Add("t", absl::StrCat("a.b", i % 1000, ".c", i, ".value")).ok());
    ++i;
  }
}
BENCHMARK(Add);

}  // namespace
}  // namespace plumbago::index

BENCHMARK_MAIN();

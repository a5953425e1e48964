// How the series index grows: a table on stdout, one row a number of series.
//
//   index_bench [--max 1000000]
//
// Names are bench.<dc>.<rack>.<host>.<service>.metric<n>.value, 200 metrics a service, added in a
// scattered order, 200 at a time as the store adds them, to a real RocksDB in a temporary
// directory. Each row is measured by processes of its own, one that adds and one that loads:
//   load s        opening the index over a closed database, by the clock; and its CPU time
//   bytes/series  growth of resident memory while it loads, over the number of series; all nodes of
//                 the tree are in it, shared ones too
//   find ms       bench.*.*.*.*.metric123.value, one match in every service; the median of 7
//   deep ms       **.metric123.value, which looks at every node; the median of 3
//   lookup us     one exact name among all, in random order
//   slot s        the names of one slot, which looks at every record
//   inserts/s     into the growing index, durable in the page cache, by the clock; and in a second
//                 of CPU time, RocksDB's own work in the background included
// Where nothing is said it is CPU time, so that a busy machine matters less.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/testing/temporary_directory.h"
#include "index/series_index.h"
#include "kv/rocksdb_key_value.h"

namespace plumbago::index {
namespace {

constexpr char kTenant[] = "default";
constexpr size_t kMetricsPerService = 200;
constexpr size_t kSeriesPerBatch = 200;
constexpr size_t kLookups = 200'000;
constexpr size_t kMatchesMax = 1'000'000;

double Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
double WallSeconds() { return Read(CLOCK_MONOTONIC); }
double CpuSeconds() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::string NameOf(size_t i) {
  const size_t service = i / kMetricsPerService;
  return absl::StrCat("bench.dc", service % 2, ".rack", service / 2 % 5, ".host", service / 10 % 10,
                      ".service", service / 100, ".metric", i % kMetricsPerService, ".value");
}

// Each number below `count` once, in an order without locality; `count` has no factor 7919.
size_t Scattered(size_t i, size_t count) { return i * 7919 % count; }

struct Store {
  explicit Store(const std::string& directory) : key_value(*kv::OpenRocksDb(directory)) {}
  void Open() { index = *SeriesIndex::Open(*key_value); }

  std::unique_ptr<base::KeyValue> key_value;
  std::unique_ptr<SeriesIndex> index;
};

struct Rates {
  double per_second = 0;
  double per_cpu_second = 0;
};

Rates Fill(const std::string& directory, size_t series_count) {
  Store store(directory);
  store.Open();
  double wall_seconds = 0;
  double cpu_seconds = 0;
  std::vector<SeriesEntry> batch;
  for (size_t i = 0; i < series_count;) {
    batch.clear();
    for (; i < series_count && batch.size() < kSeriesPerBatch; ++i) {
      batch.push_back({NameOf(Scattered(i, series_count)), {17'320, 1'700'000'000}});
    }
    const double wall_start = WallSeconds();
    const double cpu_start = CpuSeconds();
    PLUMBAGO_CHECK(store.index->AddMany(kTenant, batch).ok());
    cpu_seconds += CpuSeconds() - cpu_start;
    wall_seconds += WallSeconds() - wall_start;
  }
  PLUMBAGO_CHECK(store.index->UsageOf(kTenant, "bench").series_count == series_count);
  const auto count = static_cast<double>(series_count);
  return {count / wall_seconds, count / cpu_seconds};
}

double MedianFindSeconds(const SeriesIndex& index, const char* pattern, size_t tries,
                         size_t matches) {
  std::vector<double> seconds;
  for (size_t i = 0; i < tries; ++i) {
    const double start = CpuSeconds();
    const auto found = index.Find(kTenant, pattern, kMatchesMax);
    seconds.push_back(CpuSeconds() - start);
    PLUMBAGO_CHECK(found.ok() && found->size() == matches);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

double LookupSeconds(const SeriesIndex& index, size_t series_count) {
  std::mt19937_64 random(1);
  std::vector<std::string> names;
  for (size_t i = 0; i < kLookups; ++i) names.push_back(NameOf(random() % series_count));
  const double start = CpuSeconds();
  for (const std::string& name : names) PLUMBAGO_CHECK(index.Get(kTenant, name).has_value());
  return (CpuSeconds() - start) / kLookups;
}

double SlotSeconds(const SeriesIndex& index, size_t series_count) {
  size_t found_count = 0;
  const double start = CpuSeconds();
  const auto count = [&](absl::string_view, absl::string_view) { return ++found_count > 0; };
  PLUMBAGO_CHECK(index.ListSlot(123, count).ok());
  const double seconds = CpuSeconds() - start;
  PLUMBAGO_CHECK(found_count <= series_count / 100);
  return seconds;
}

void MeasureLoaded(const std::string& directory, size_t series_count, const Rates& inserts) {
  Store store(directory);
  const double bytes_before = ResidentBytes();
  const double wall_start = WallSeconds();
  const double cpu_start = CpuSeconds();
  store.Open();
  const double load_cpu_seconds = CpuSeconds() - cpu_start;
  const double load_seconds = WallSeconds() - wall_start;
  const double bytes = (ResidentBytes() - bytes_before) / static_cast<double>(series_count);
  PLUMBAGO_CHECK(store.index->series_count() == series_count);

  const size_t services = series_count / kMetricsPerService;
  const double find = MedianFindSeconds(*store.index, "bench.*.*.*.*.metric123.value", 7, services);
  const double deep = MedianFindSeconds(*store.index, "**.metric123.value", 3, services);
  std::printf("%9zu %7.2f %5.2f %13.1f %8.2f %8.1f %10.2f %7.2f %10.0f %8.0f\n", series_count,
              load_seconds, load_cpu_seconds, bytes, find * 1e3, deep * 1e3,
              LookupSeconds(*store.index, series_count) * 1e6,
              SlotSeconds(*store.index, series_count), inserts.per_second, inserts.per_cpu_second);
  std::fflush(stdout);
}

// Runs `work` in a process of its own, whose memory is its own; returns what it gives.
template <typename Work>
Rates InOwnProcess(const Work& work) {
  int channel[2];
  PLUMBAGO_CHECK(pipe(channel) == 0);
  const pid_t child = fork();
  PLUMBAGO_CHECK(child >= 0);
  if (child == 0) {
    const Rates result = work();
    PLUMBAGO_CHECK(write(channel[1], &result, sizeof(result)) == sizeof(result));
    _exit(0);
  }
  close(channel[1]);
  Rates result;
  const bool is_told = read(channel[0], &result, sizeof(result)) == sizeof(result);
  close(channel[0]);
  int status = 0;
  PLUMBAGO_CHECK(waitpid(child, &status, 0) == child && status == 0 && is_told);
  return result;
}

void Measure(size_t series_count) {
  const base::testing::TemporaryDirectory directory;
  const Rates inserts = InOwnProcess([&] { return Fill(directory.path(), series_count); });
  InOwnProcess([&] {
    MeasureLoaded(directory.path(), series_count, inserts);
    return Rates();
  });
}

}  // namespace
}  // namespace plumbago::index

int main(int argc, char** argv) {
  size_t series_max = 1'000'000;
  if (argc == 3 && std::strcmp(argv[1], "--max") == 0) {
    series_max = std::strtoull(argv[2], nullptr, 10);
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: %s [--max SERIES]\n", argv[0]);
    return 2;
  }
  std::printf(
      "   series  load s   CPU  bytes/series  find ms  deep ms  lookup us  slot s  inserts/s  per "
      "CPU\n");
  std::fflush(stdout);
  for (size_t count = 10'000; count <= series_max; count *= 10) plumbago::index::Measure(count);
  return 0;
}

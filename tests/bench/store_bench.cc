// A store below gRPC: many series created, updated with 30 points each per flush, and fetched.
//
//   store_bench [series] [rounds] [open files]
//
// Prints CPU time (user and system of the process) for each step. The files are in a temporary
// directory of the default file system.
#include <time.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/testing/temporary_directory.h"
#include "store/store.h"

namespace plumbago::store {
namespace {

constexpr uint32_t kStart = 1'700'000'040;
constexpr size_t kPointsPerFlush = 30;
constexpr size_t kSeriesPerBatch = 200;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class Bench {
 public:
  Bench(size_t series_count, size_t open_files_max)
      : series_count_(series_count),
        store_({clock_, *file_system_, metrics_, *index_, policies_, quotas_},
               {.directory = directory_.path(), .open_files_max = open_files_max}),
        session_(store_.OpenSession()) {
    PLUMBAGO_CHECK(store_.Start().ok());
    session_->SetListener([this] { changed_.notify_all(); });
    for (uint32_t i = 0; i < series_count; ++i) {
      PLUMBAGO_CHECK(session_->Define(i, "default", MetricOf(i)).ok());
    }
  }

  void Run(size_t rounds) {
    for (size_t round = 0; round < rounds; ++round) {
      clock_.Advance(absl::Seconds(10 * kPointsPerFlush));
      const double start = CpuSeconds();
      Flush(kStart + static_cast<uint32_t>(round * 10 * kPointsPerFlush));
      Print(round == 0 ? "create and update" : "update", CpuSeconds() - start);
    }
    const double start = CpuSeconds();
    const int64_t now = clock_.UnixSeconds();
    for (size_t i = 0; i < series_count_; ++i) {
      PLUMBAGO_CHECK(store_
                         .Fetch(SeriesName("default", MetricOf(i)),
                                {.from = now - 82'800, .until = now, .now = now})
                         .ok());
    }
    Print("fetch of 1380 points", CpuSeconds() - start);
  }

 private:
  static std::string MetricOf(size_t i) {
    return absl::StrCat("bench.host", i / 100, ".service", i / 10 % 10, ".metric", i % 10);
  }

  void Print(const char* what, double seconds) const {
    std::printf("%-20s %6.2f us CPU a series\n", what,
                seconds * 1e6 / static_cast<double>(series_count_));
  }

  void Flush(uint32_t first_time) {
    for (size_t first = 0; first < series_count_; first += kSeriesPerBatch) {
      Await([this] { return !session_->is_full(); });
      PLUMBAGO_CHECK(store_.Submit(session_, BatchOf(first, first_time)).ok());
    }
    Await([this] { return session_->is_idle(); });
  }

  std::shared_ptr<WriteBatch> BatchOf(size_t first, uint32_t first_time) {
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = ++sequence_;
    for (size_t i = first; i < std::min(first + kSeriesPerBatch, series_count_); ++i) {
      batch->entries.push_back({.series_id = static_cast<uint32_t>(i),
                                .series = session_->FindSeries(static_cast<uint32_t>(i)),
                                .first_point = batch->points.size(),
                                .point_count = kPointsPerFlush});
      for (uint32_t k = 0; k < kPointsPerFlush; ++k) {
        batch->points.push_back({.time = first_time + 10 * k, .value = 1.5 * k});
      }
    }
    return batch;
  }

  template <typename Condition>
  void Await(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!condition()) changed_.wait_for(lock, std::chrono::milliseconds(1));
  }

  const size_t series_count_;
  base::testing::TemporaryDirectory directory_;
  std::unique_ptr<base::FileSystem> file_system_ = base::MakePosixFileSystem();
  base::SimulatedClock clock_{absl::FromUnixSeconds(kStart)};
  base::Metrics metrics_;
  base::MemoryKeyValue key_value_;
  std::unique_ptr<index::SeriesIndex> index_ = index::SeriesIndex::Open(key_value_).value();
  StoragePolicies policies_{
      *file_system_,
      metrics_,
      {.built_in = {.schemas = "[all]\npattern = .*\nretentions = 10s:1h, 1m:1d"}}};
  Quotas quotas_{*index_};
  Store store_;
  std::shared_ptr<WriteSession> session_;
  uint64_t sequence_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace
}  // namespace plumbago::store

int main(int argc, char** argv) {
  const auto argument = [&](int index, size_t fallback) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : fallback;
  };
  plumbago::base::RaiseOpenFileLimit();
  plumbago::store::Bench(argument(1, 5'000), argument(3, 10'000)).Run(argument(2, 6));
  return 0;
}

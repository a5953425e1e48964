// What a store costs: series created, updated with 30 points each, and fetched, beside the bare
// system calls on the same disk in the same run.
//
//   store_bench [series] [rounds]
//
// Prints one JSON object of microseconds of CPU (user and system of this process) a series;
// ./plumbago bench store makes a table of it. All files are in one temporary directory, which is
// removed at the end: ext4 makes the creations dear that follow a removal.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/testing/temporary_directory.h"
#include "rpc/server.h"
#include "store/store.h"
#include "store_flags.h"
#include "store_service.h"

namespace plumbago::store {
namespace {

constexpr uint32_t kStart = 1'700'000'040;
constexpr uint32_t kStep = 10;
constexpr uint32_t kPointsPerFlush = 30;
constexpr size_t kSeriesPerBatch = 200;
constexpr size_t kFetchedSeries = 10'000;
constexpr uint32_t kFetchedPoints = 1440;
constexpr size_t kFileBytes = 16 + 2 * 12 + (360 + 1440) * 12;

// Of the process, or of the calling thread.
double CpuSeconds(int who = RUSAGE_SELF) {
  rusage usage{};
  PLUMBAGO_CHECK(getrusage(who, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Microseconds of CPU for each of `count`.
template <typename Work>
double MicrosecondsEach(size_t count, Work work) {
  const double start = CpuSeconds();
  work();
  return (CpuSeconds() - start) * 1e6 / static_cast<double>(count);
}

std::string MetricOf(size_t i) {
  return absl::StrCat("bench.host", i / 100, ".service", i / 10 % 10, ".metric", i % 10);
}

// The system calls alone, on files of the same size in directories of the same shape.
class BareFiles {
 public:
  BareFiles(std::string directory, size_t count, size_t open_files_max)
      : directory_(std::move(directory)), count_(count), open_max_(open_files_max) {}

  double CreateAndWrite() {
    const std::string content(kFileBytes, '\0');
    return MicrosecondsEach(count_, [&] {
      for (size_t i = 0; i < count_; ++i) {
        const std::string path = PathOf(i);
        if (i % 10 == 0) std::filesystem::create_directories(path.substr(0, path.rfind('/')));
        const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        PLUMBAGO_CHECK(write(file, content.data(), content.size()) == ssize_t{kFileBytes});
        close(file);
      }
    });
  }

  // On as many files as may be open beside those of the store, each round on all of them.
  double WriteTwiceOpen() {
    std::vector<int> files;
    for (size_t i = 0; i < std::min(count_, open_max_); ++i) {
      const int file = open(PathOf(i).c_str(), O_RDWR | O_CLOEXEC);
      if (file < 0) break;
      files.push_back(file);
    }
    PLUMBAGO_CHECK(!files.empty());
    for (const int file : files) WriteTwice(file, 0);
    const double microseconds = MicrosecondsEach(files.size(), [&] {
      for (const int file : files) WriteTwice(file, 1);
    });
    for (const int file : files) close(file);
    return microseconds;
  }

  double OpenReadWriteClose() {
    return MicrosecondsEach(count_, [&] {
      for (size_t i = 0; i < count_; ++i) {
        const int file = open(PathOf(i).c_str(), O_RDWR | O_CLOEXEC);
        char slots[720];
        PLUMBAGO_CHECK(pread(file, slots, sizeof(slots), 40) == ssize_t{sizeof(slots)});
        WriteTwice(file, 2);
        close(file);
      }
    });
  }

 private:
  static void WriteTwice(int file, off_t round) {
    const char slots[360] = {1};
    PLUMBAGO_CHECK(pwrite(file, slots, 360, 40 + round * 360) == 360);
    PLUMBAGO_CHECK(pwrite(file, slots, 60, 4360 + round * 60) == 60);
  }

  std::string PathOf(size_t i) const {
    std::string name = MetricOf(i);
    std::replace(name.begin(), name.end(), '.', '/');
    return absl::StrCat(directory_, "/", name, ".wsp");
  }

  const std::string directory_;
  const size_t count_;
  const size_t open_max_;
};

class Bench {
 public:
  Bench(const std::string& directory, size_t series_count, size_t open_files_max)
      : series_count_(series_count),
        store_({clock_, *file_system_, metrics_, *index_, policies_, quotas_},
               {.directory = directory, .open_files_max = open_files_max}),
        session_(store_.OpenSession()) {
    PLUMBAGO_CHECK(store_.Start().ok());
    session_->SetListener([this] { changed_.notify_all(); });
    for (uint32_t i = 0; i < series_count; ++i) {
      PLUMBAGO_CHECK(session_->Define(i, "default", MetricOf(i)).ok());
    }
  }

  // Every series once: the first time it is created.
  double FlushAll() {
    clock_.Advance(absl::Seconds(kStep * kPointsPerFlush));
    const auto first_time =
        static_cast<uint32_t>(clock_.UnixSeconds()) - kStep * (kPointsPerFlush - 1);
    return MicrosecondsEach(series_count_, [&] {
      for (size_t first = 0; first < series_count_; first += kSeriesPerBatch) {
        const size_t end = std::min(first + kSeriesPerBatch, series_count_);
        Submit(first, end, first_time, kStep, kPointsPerFlush);
      }
      Await([this] { return session_->is_idle(); });
    });
  }

  // A day of minutes for the series that are fetched.
  void FillDay() {
    const auto now = static_cast<uint32_t>(clock_.UnixSeconds());
    for (size_t first = 0; first < FetchedCount(); first += 20) {
      Submit(first, std::min(first + 20, FetchedCount()), now - 60 * (kFetchedPoints - 1), 60,
             kFetchedPoints);
    }
    Await([this] { return session_->is_idle(); });
  }

  double Fetch() {
    const int64_t now = clock_.UnixSeconds();
    size_t value_count = 0;
    const double microseconds = MicrosecondsEach(FetchedCount(), [&] {
      for (size_t i = 0; i < FetchedCount(); ++i) {
        const auto fetched =
            store_.Fetch(SeriesName("default", MetricOf(i)),
                         {.from = now - 60 * kFetchedPoints, .until = now, .now = now});
        PLUMBAGO_CHECK(fetched.ok());
        value_count += fetched->series.values.size();
      }
    });
    PLUMBAGO_CHECK(value_count == FetchedCount() * kFetchedPoints);
    return microseconds;
  }

  // One call. The client is this thread, and everything else of the process is the server.
  void FetchOverGrpc(double* server_microseconds, double* client_microseconds) {
    store_service::StoreService service(store_, *index_, {});
    const auto server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    const auto stub =
        v1::Store::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
    const int64_t now = clock_.UnixSeconds();
    v1::FetchRequest request;
    request.set_tenant("default");
    for (size_t i = 0; i < FetchedCount(); ++i) request.add_metric(MetricOf(i));
    request.set_from(static_cast<uint32_t>(now - 60 * kFetchedPoints));
    request.set_until(static_cast<uint32_t>(now));
    request.set_now(static_cast<uint32_t>(now));
    size_t value_count = 0;
    const double client_start = CpuSeconds(RUSAGE_THREAD);
    const double both = MicrosecondsEach(FetchedCount(), [&] {
      grpc::ClientContext context;
      const auto reader = stub->Fetch(&context, request);
      v1::FetchResponse response;
      while (reader->Read(&response)) {
        for (const v1::FetchedSeries& series : response.series()) {
          value_count += static_cast<size_t>(series.value_size());
        }
      }
      PLUMBAGO_CHECK(reader->Finish().ok());
    });
    *client_microseconds =
        (CpuSeconds(RUSAGE_THREAD) - client_start) * 1e6 / static_cast<double>(FetchedCount());
    *server_microseconds = both - *client_microseconds;
    PLUMBAGO_CHECK(value_count == FetchedCount() * kFetchedPoints);
    server->Shutdown(absl::Seconds(5));
  }

 private:
  size_t FetchedCount() const { return std::min(series_count_, kFetchedSeries); }

  void Submit(size_t first, size_t end, uint32_t first_time, uint32_t step, uint32_t count) {
    Await([this] { return !session_->is_full(); });
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = ++sequence_;
    for (size_t i = first; i < end; ++i) {
      batch->entries.push_back({.series_id = static_cast<uint32_t>(i),
                                .series = session_->FindSeries(static_cast<uint32_t>(i)),
                                .first_point = batch->points.size(),
                                .point_count = count});
      for (uint32_t k = 0; k < count; ++k) {
        batch->points.push_back({.time = first_time + step * k, .value = 1.5 * k});
      }
    }
    PLUMBAGO_CHECK(store_.Submit(session_, std::move(batch)).ok());
  }

  template <typename Condition>
  void Await(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!condition()) changed_.wait_for(lock, std::chrono::milliseconds(1));
  }

  const size_t series_count_;
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

void Run(size_t series_count, size_t rounds) {
  const size_t open_files_max = store_service::FitOpenFiles(StoreOptions().open_files_max);
  const base::testing::TemporaryDirectory directory;
  BareFiles bare(directory.path() + "/bare", series_count, open_files_max);
  std::printf("{\"series\": %zu, \"open_files_max\": %zu", series_count, open_files_max);
  std::printf(", \"bare_create\": %.2f", bare.CreateAndWrite());
  Bench bench(directory.path() + "/store", series_count, open_files_max);
  std::printf(", \"create\": %.2f", bench.FlushAll());
  double update = 0;
  for (size_t round = 0; round < rounds; ++round) {
    update += bench.FlushAll() / static_cast<double>(rounds);
  }
  std::printf(", \"update\": %.2f", update);
  std::printf(", \"bare_two_writes\": %.2f", bare.WriteTwiceOpen());
  std::printf(", \"bare_open_read_write_close\": %.2f", bare.OpenReadWriteClose());
  bench.FillDay();
  std::printf(", \"fetch\": %.2f", bench.Fetch());
  double server = 0;
  double client = 0;
  bench.FetchOverGrpc(&server, &client);
  std::printf(", \"fetch_grpc_server\": %.2f, \"fetch_grpc_client\": %.2f}\n", server, client);
}

}  // namespace
}  // namespace plumbago::store

int main(int argc, char** argv) {
  const auto argument = [&](int index, size_t fallback) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : fallback;
  };
  plumbago::base::RaiseOpenFileLimit();
  plumbago::store::Run(argument(1, 200'000), argument(2, 4));
  return 0;
}

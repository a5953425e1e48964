// Proves that a power cut at any time costs no acknowledged point under --journal-sync=batch, and
// that the journal is cut only behind what the store has synced: a cache's journal and memory and a
// whole store run over files that forget what was not synced, in random order.
//
// PLUMBAGO_SEEDS says how many runs there are (60); each is repeated by PLUMBAGO_SEED.
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/power_loss_file_system.h"
#include "base/testing/temporary_directory.h"
#include "cache/journal_cutter.h"
#include "cache/journal_replay.h"
#include "cache/point_journal.h"
#include "store/store.h"
#include "whisper/verify.h"

namespace plumbago {
namespace {

constexpr uint32_t kNow = 1'700'000'000;
constexpr uint32_t kSeriesCount = 7;
constexpr uint32_t kPointsMax = 3000;

using base::testing::FaultFileSystem;
using base::testing::PowerLossFileSystem;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

std::string SeriesName(uint32_t series) { return absl::StrCat("power.s", series); }

// The disk of one machine, for all its lives.
struct Disk {
  explicit Disk(base::testing::Preallocation preallocation)
      : power(*real, directory.path(), graveyard.path(), preallocation) {}

  base::testing::TemporaryDirectory directory;
  base::testing::TemporaryDirectory graveyard;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  PowerLossFileSystem power;
  FaultFileSystem files{power};  // for what a dead process does

  void Die(std::mt19937_64& random) {
    files.Set({.nth = 1, .after = FaultFileSystem::After::kDead});
    files.Stat(directory.path()).IgnoreError();  // the first call after which none works
    power.PowerLoss(random);
  }
};

// One life of the machine: cache and store, from their starts to the power cut.
class Life {
 public:
  explicit Life(Disk& disk) : disk_(disk) {
    const std::string journal_directory = disk.directory.path() + "/journal";
    cache::ReplayOptions replay;
    replay.directory = journal_directory;
    const auto found = cache::ReplayJournal(disk.files, replay, cache_, cache_metrics_);
    INFO(found.status().message());
    REQUIRE(found.ok());
    cache::JournalOptions options;
    options.writer = {.directory = journal_directory,
                      .segment_bytes_max = 2000,
                      .sync = journal::SyncPolicy::kBatch,
                      .on_sync_failure = [](const absl::Status&) {}};
    journal_ = cache::PointJournal::Open(disk.files, clock_, options, *found, cache_).value();
    REQUIRE(store_.Start().ok());
    session_ = store_.OpenSession();
    session_->SetListener([this] { TakeProgress(); });
  }
  ~Life() { session_->SetListener({}); }  // the store is idle: every flush is awaited

  // Returns once it is acknowledged.
  void Append(uint32_t series, uint32_t time, double value) {
    const cache::SeriesReference reference = cache_.Acquire("t", SeriesName(series));
    REQUIRE(journal_->Append({&reference, 1}, {&time, 1}, {&value, 1}).ok());
    cache_.Release({&reference, 1});
  }

  // The store applies what is pending, which is not yet to say that it has synced it.
  void Flush() {
    clock_.Advance(absl::Seconds(60));
    for (;;) {
      auto batch = std::make_unique<cache::FlushBatch>();
      if (!cache_.TakeDue(batch.get())) break;
      SendToStore(*batch);
      durability_.OnApplied(sequence_, batch->oldest_segment);
      cache_.OnApplied(std::move(batch), {});
    }
    cache_.Expire();
  }

  void Checkpoint() {
    store_.Checkpoint();
    store::WriteSession::Progress progress;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      progress = progress_;
    }
    durability_.OnDurable(progress.durable_sequence);
  }

  void Cut() { cache::JournalCutter(*journal_, cache_, durability_, clock_).CutOnce(); }

  // Every point of a series, the cache's over the store's: what a query finds.
  std::map<uint32_t, double> Read(uint32_t series) {
    std::map<uint32_t, double> values;
    const auto stored = store_.Fetch({"t", SeriesName(series)},
                                     {.from = kNow - 1, .until = kNow + kPointsMax, .now = 0});
    if (stored.ok()) {
      for (size_t i = 0; i < stored->series.values.size(); ++i) {
        values[static_cast<uint32_t>(stored->series.start) + static_cast<uint32_t>(i)] =
            stored->series.values[i];
      }
    }
    std::vector<cache::Point> hot;
    cache_.Read("t", SeriesName(series), 0, UINT32_MAX, &hot);
    for (const cache::Point& point : hot) values[point.time_seconds] = point.value;
    return values;
  }

 private:
  void SendToStore(const cache::FlushBatch& batch) {
    auto out = std::make_shared<store::WriteBatch>();
    out->sequence = ++sequence_;
    size_t next = 0;
    for (size_t i = 0; i < batch.series.size(); ++i) {
      const uint32_t id = defined_count_++;
      REQUIRE(session_->Define(id, "t", batch.series[i]->metric()).ok());
      out->entries.push_back({.series_id = id,
                              .series = session_->FindSeries(id),
                              .first_point = next,
                              .point_count = batch.point_count[i]});
      for (uint32_t k = 0; k < batch.point_count[i]; ++k, ++next) {
        out->points.push_back({batch.time_seconds[next], batch.value[next]});
      }
    }
    REQUIRE(store_.Submit(session_, std::move(out)).ok());
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return progress_.applied_sequence == sequence_; });
    REQUIRE(progress_.refused.empty());
  }

  void TakeProgress() {
    std::lock_guard<std::mutex> lock(mutex_);
    session_->TakeProgress(&progress_);
    changed_.notify_all();
  }

  Disk& disk_;
  base::SimulatedClock clock_{absl::FromUnixSeconds(kNow + kPointsMax)};
  base::Metrics registry_;
  cache::CacheMetrics cache_metrics_{registry_};
  cache::PointCache cache_{{.flush_linger = absl::ZeroDuration()}, clock_, cache_metrics_};
  cache::DurabilityTracker durability_;
  std::unique_ptr<cache::PointJournal> journal_;
  base::MemoryKeyValue key_value_;
  std::unique_ptr<index::SeriesIndex> index_ = index::SeriesIndex::Open(key_value_).value();
  store::StoragePolicies policies_{
      disk_.files,
      registry_,
      {.built_in = {.schemas = "[all]\npattern = .*\nretentions = 1s:10h"}}};
  store::Quotas quotas_{*index_};
  std::mutex mutex_;
  std::condition_variable changed_;
  store::WriteSession::Progress progress_;
  uint64_t sequence_ = 0;
  uint32_t defined_count_ = 0;
  store::Store store_{{clock_, disk_.files, registry_, *index_, policies_, quotas_},
                      {.directory = disk_.directory.path() + "/whisper",
                       .checkpoint_interval = absl::Hours(1),
                       .disk_free_bytes_min = 0,
                       .on_sync_failure = [](const absl::Status&) {}}};
  std::shared_ptr<store::WriteSession> session_;
};

// What was acknowledged, over all lives.
struct Acknowledged {
  std::map<uint32_t, double> of_series[kSeriesCount];
  uint32_t count = 0;
};

void Live(Life& life, std::mt19937_64& random, Acknowledged& acknowledged) {
  const int steps = std::uniform_int_distribution<int>(0, 120)(random);
  for (int i = 0; i < steps; ++i) {
    const int dice = std::uniform_int_distribution<int>(0, 9)(random);
    if (dice < 6 && acknowledged.count < kPointsMax) {
      const auto series = std::uniform_int_distribution<uint32_t>(0, kSeriesCount - 1)(random);
      const uint32_t time = kNow + acknowledged.count;
      life.Append(series, time, acknowledged.count);
      acknowledged.of_series[series][time] = acknowledged.count++;
    } else if (dice < 8) {
      life.Flush();
    } else if (dice == 8) {
      life.Checkpoint();
    } else {
      life.Cut();
    }
  }
}

void CheckEverythingIsThere(Life& life, const Acknowledged& acknowledged) {
  for (uint32_t series = 0; series < kSeriesCount; ++series) {
    const auto found = life.Read(series);
    for (const auto& [time, value] : acknowledged.of_series[series]) {
      const auto at = found.find(time);
      INFO("series " << series << ", time " << time);
      REQUIRE(at != found.end());
      REQUIRE(at->second == value);
    }
  }
}

void RunOne(uint64_t seed) {
  INFO("PLUMBAGO_SEED=" << seed << " PLUMBAGO_SEEDS=1 repeats this run");
  std::mt19937_64 random(seed);
  // Not every file system keeps lengths and names in order.
  Disk disk(seed % 2 == 0 ? base::testing::Preallocation::kWhole
                          : base::testing::Preallocation::kAnyPart);
  Acknowledged acknowledged;
  for (int power_cuts = 0; power_cuts < 4; ++power_cuts) {
    {
      Life life(disk);
      CheckEverythingIsThere(life, acknowledged);
      Live(life, random, acknowledged);
      disk.Die(random);
    }  // its destructors are those of a dead process: no call works
    disk.files.Set({});
  }
  Life life(disk);
  CheckEverythingIsThere(life, acknowledged);
}

}  // namespace

TEST_CASE("A power cut costs no point that was acknowledged under journal-sync=batch",
          "[power_loss]") {
  const uint64_t first = FromEnvironment("PLUMBAGO_SEED", std::random_device{}());
  const uint64_t count = FromEnvironment("PLUMBAGO_SEEDS", 60);
  for (uint64_t seed = first; seed < first + count; ++seed) RunOne(seed);
}

}  // namespace plumbago

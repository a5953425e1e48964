// Proves the store as a whole, on a temporary directory and with the threads running: what is
// applied can be fetched and found, one bad series does not hold up the others, durable follows a
// sync, and a drain loses nothing. Waiting is for progress, never for time.
#include "store/store.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "whisper/verify.h"

namespace plumbago::store {
namespace {

constexpr uint32_t kNow = 1'700'000'040;

using base::testing::FaultFileSystem;

struct Fixture {
  Fixture() { REQUIRE(store.Start().ok()); }

  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> real_file_system = base::MakePosixFileSystem();
  FaultFileSystem file_system{*real_file_system};
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  StoragePolicies policies{
      file_system,
      metrics,
      {.built_in = {.schemas = "[all]\npattern = .*\nretentions = 60:10, 120:60"}}};
  Quotas quotas{*index};
  absl::Status sync_failure;
  Store store{{clock, file_system, metrics, *index, policies, quotas},
              {.directory = directory.path() + "/whisper",
               .writer_threads = 3,
               .on_sync_failure = [this](const absl::Status& status) { sync_failure = status; }}};

  FetchedSeries Fetch(absl::string_view metric) {
    return store.Fetch(SeriesName("t", metric), {.from = kNow - 120, .until = kNow, .now = 0})
        .value();
  }
};

// A stream to the store that waits for its own progress.
class Sender {
 public:
  explicit Sender(Store& store) : store_(store), session_(store.OpenSession()) {
    session_->SetListener([this] { Take(); });
  }
  ~Sender() { session_->SetListener({}); }  // only after AwaitApplied: no batch is under way

  uint32_t Define(absl::string_view metric) {
    REQUIRE(session_->Define(series_count_, "t", metric).ok());
    return series_count_++;
  }

  absl::Status Send(const std::vector<uint32_t>& ids, const std::vector<whisper::Point>& points) {
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = ++sent_sequence_;
    for (const uint32_t id : ids) {
      batch->entries.push_back({.series_id = id,
                                .series = session_->FindSeries(id),
                                .first_point = batch->points.size(),
                                .point_count = points.size()});
      batch->points.insert(batch->points.end(), points.begin(), points.end());
    }
    return store_.Submit(session_, std::move(batch));
  }

  // Where a refusal is expected: then the sequence is free again.
  absl::Status TryToSend(const std::vector<uint32_t>& ids,
                         const std::vector<whisper::Point>& points) {
    const absl::Status status = Send(ids, points);
    if (!status.ok()) --sent_sequence_;
    return status;
  }

  absl::Status AskForCheckpoint() {
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = ++sent_sequence_;
    batch->wants_checkpoint = true;
    return store_.Submit(session_, std::move(batch));
  }
  void AwaitDurable(uint64_t sequence) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return durable_ >= sequence; });
  }

  void AwaitApplied() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return applied_ == sent_sequence_; });
  }

  uint64_t durable() {
    std::lock_guard<std::mutex> lock(mutex_);
    return durable_;
  }

  std::vector<RefusedSeries> refused() {
    std::lock_guard<std::mutex> lock(mutex_);
    return refused_;
  }

 private:
  void Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    WriteSession::Progress progress;
    if (!session_->TakeProgress(&progress)) return;
    applied_ = progress.applied_sequence;
    durable_ = progress.durable_sequence;
    for (RefusedSeries& refused : progress.refused) refused_.push_back(std::move(refused));
    changed_.notify_all();
  }

  Store& store_;
  std::shared_ptr<WriteSession> session_;
  uint32_t series_count_ = 0;
  uint64_t sent_sequence_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t applied_ = 0;
  uint64_t durable_ = 0;
  std::vector<RefusedSeries> refused_;
};

TEST_CASE("Applied points can be fetched, and their series found", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a.b");
  REQUIRE(sender.Send({id}, {{kNow - 60, 1}, {kNow, 2}, {kNow, 3}}).ok());
  sender.AwaitApplied();
  const FetchedSeries fetched = fixture.Fetch("a.b");
  CHECK(fetched.series.start == kNow - 60);
  CHECK(fetched.series.values == std::vector<double>{1, 3});
  CHECK(fetched.method == whisper::AggregationMethod::kAverage);
  CHECK(fixture.index->Contains("t", "a.b"));
  CHECK(sender.refused().empty());
}

TEST_CASE("Many series over several writers keep the order of their batches", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(sender.Define(absl::StrCat("m.", i)));
  for (double value = 1; value <= 20; ++value) REQUIRE(sender.Send(ids, {{kNow, value}}).ok());
  sender.AwaitApplied();
  for (int i = 0; i < 100; ++i) {
    CHECK(fixture.Fetch(absl::StrCat("m.", i)).series.values.back() == 20);
  }
  CHECK(fixture.index->series_count() == 100);
}

TEST_CASE("A series that cannot be written is refused, and the others are stored", "[store]") {
  Fixture fixture;
  const std::string damaged = fixture.directory.path() + "/whisper/t/damaged.wsp";
  REQUIRE(fixture.file_system.CreateDirectories(fixture.directory.path() + "/whisper/t").ok());
  REQUIRE(base::WriteFileAtomically(fixture.file_system, damaged, "not whisper").ok());
  Sender sender(fixture.store);
  const uint32_t good = sender.Define("good");
  const uint32_t bad_name = sender.Define("../evil");
  const uint32_t bad_file = sender.Define("damaged");
  REQUIRE(sender.Send({bad_name, good, bad_file}, {{kNow - 60, 1}, {kNow, 2}}).ok());
  sender.AwaitApplied();
  CHECK(fixture.Fetch("good").series.values.back() == 2);
  REQUIRE(sender.refused().size() == 2);
  for (const RefusedSeries& refused : sender.refused()) {
    CHECK(refused.point_count == 2);
    CHECK(refused.reason == (refused.series_id == bad_name ? RefusalReason::kInvalidName
                                                           : RefusalReason::kCorruptFile));
  }
  CHECK(base::ReadWholeFile(fixture.file_system, damaged, 100).value() == "not whisper");
  CHECK(absl::IsDataLoss(fixture.store.Fetch(SeriesName("t", "damaged"), {}).status()));
}

TEST_CASE("Points older than every archive are refused with their number", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({id}, {{kNow - 7201, 1}, {kNow - 7200, 2}, {kNow, 3}}).ok());
  sender.AwaitApplied();
  REQUIRE(sender.refused().size() == 1);
  CHECK(sender.refused()[0].reason == RefusalReason::kOutOfRetention);
  CHECK(sender.refused()[0].point_count == 1);
}

TEST_CASE("A full disk stops the writes, not the reads, until there is room", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({sender.Define("before")}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  fixture.file_system.Set(
      {.nth = 1, .kinds = FaultFileSystem::kCreate, .fault = FaultFileSystem::Fault::kNoSpace});
  REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  REQUIRE(sender.refused().size() == 1);
  CHECK(sender.refused()[0].reason == RefusalReason::kWriteFailed);
  CHECK(absl::IsResourceExhausted(fixture.store.CheckWritable()));
  CHECK(absl::IsResourceExhausted(sender.TryToSend({id}, {{kNow, 1}})));
  CHECK(fixture.Fetch("before").series.values.back() == 1);
  fixture.file_system.Set({});
  fixture.store.CheckDisk();
  REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  CHECK(sender.refused().size() == 1);
  CHECK(fixture.Fetch("a").series.values.back() == 1);
}

TEST_CASE("Damaged files are counted by reason until they are gone", "[store]") {
  Fixture fixture;
  const std::string directory = fixture.directory.path() + "/whisper/t";
  REQUIRE(fixture.file_system.CreateDirectories(directory).ok());
  const auto write = [&](const std::string& name, const std::string& content) {
    const std::string path = directory + "/" + name;
    REQUIRE(base::WriteFileAtomically(*fixture.real_file_system, path, content).ok());
  };
  const std::string intact =
      whisper::EncodeHeader(
          whisper::MakeHeader({{60, 10}}, 0.5F, whisper::AggregationMethod::kSum).value()) +
      std::string(120, '\0');
  write("empty.wsp", "");
  write("truncated.wsp", intact.substr(0, intact.size() - 1));
  write("header.wsp", "this is no whisper file");
  write("intact.wsp", intact);
  const auto counts = [&](int count) {
    for (const char* reason : {"empty", "truncated", "header"}) {
      const std::string line =
          absl::StrCat("plumbago_store_damaged_files{reason=\"", reason, "\"} ", count);
      INFO(line);
      CHECK(absl::StrContains(fixture.metrics.Scrape(), line));
    }
  };
  counts(0);
  REQUIRE(fixture.store.Rescan().ok());
  counts(1);
  for (const char* name : {"empty", "truncated", "header"}) {
    REQUIRE(fixture.real_file_system->Remove(directory + "/" + name + ".wsp").ok());
  }
  REQUIRE(fixture.store.Rescan().ok());
  counts(0);
  CHECK(absl::StrContains(fixture.metrics.Scrape(), "reason=\"not_a_file\"} 0"));
}

TEST_CASE(
    "A file that a power cut has left too short is lengthened by the next write and keeps its "
    "points",
    "[store]") {
  Fixture fixture;
  const std::string path = fixture.directory.path() + "/whisper/t/a.wsp";
  uint64_t file_bytes = 0;
  {
    Sender sender(fixture.store);
    const uint32_t id = sender.Define("a");
    REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
    sender.AwaitApplied();
    file_bytes = std::filesystem::file_size(path);
    REQUIRE(truncate(path.c_str(), static_cast<off_t>(file_bytes - 5)) == 0);
    REQUIRE(fixture.store
                .RunPaused([&] {
                  fixture.store.files().ForgetAll();
                  return absl::OkStatus();
                })
                .ok());
  }
  CHECK(absl::IsDataLoss(
      fixture.store.Fetch({"t", "a"}, {.from = kNow - 60, .until = kNow, .now = 0}).status()));
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({id}, {{kNow + 60, 2}}).ok());
  sender.AwaitApplied();
  CHECK(sender.refused().empty());
  CHECK(std::filesystem::file_size(path) == file_bytes);
  const auto file = fixture.real_file_system->OpenForRead(path).value();
  const auto report = whisper::Verify(*file);
  CHECK((report.ok() && report->is_sound()));
  const std::vector<double> values = fixture.Fetch("a").series.values;
  CHECK(std::count(values.begin(), values.end(), 1.0) == 1);
  CHECK(absl::StrContains(fixture.metrics.Scrape(),
                          "plumbago_store_files_mended_total{how=\"lengthened\"} 1"));
}

TEST_CASE(
    "The aggregation method of a series is changed in its file, and its other names keep theirs",
    "[store]") {
  Fixture fixture;
  const std::string path = fixture.directory.path() + "/whisper/t/a.wsp";
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  REQUIRE(fixture.store
              .RunPaused([&] {
                fixture.store.files().ExpectNewLinks();
                return fixture.real_file_system->Link(path,
                                                      fixture.directory.path() + "/snapshot.wsp");
              })
              .ok());
  const auto before =
      fixture.store.SetAggregationMethod({"t", "a"}, whisper::AggregationMethod::kMax);
  REQUIRE(before.ok());
  CHECK(*before == whisper::AggregationMethod::kAverage);
  CHECK(fixture.Fetch("a").method == whisper::AggregationMethod::kMax);
  CHECK(fixture.Fetch("a").series.values.back() == 1);
  const auto kept =
      fixture.real_file_system->OpenForRead(fixture.directory.path() + "/snapshot.wsp").value();
  CHECK(whisper::ReadHeader(*kept)->method == whisper::AggregationMethod::kAverage);
  CHECK(absl::IsNotFound(
      fixture.store.SetAggregationMethod({"t", "b"}, whisper::AggregationMethod::kMax).status()));
}

TEST_CASE("A file that another tool replaced is read and written anew after a scan", "[store]") {
  Fixture fixture;
  REQUIRE(fixture.store.Rescan().ok());  // the thorough one
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  const std::string path = fixture.directory.path() + "/whisper/t/a.wsp";
  const auto header =
      whisper::MakeHeader({{60, 20}}, 0.5F, whisper::AggregationMethod::kSum).value();
  REQUIRE(
      whisper::Create(*fixture.real_file_system, path + ".new", header, whisper::Existing::kRefuse)
          .ok());
  REQUIRE(fixture.real_file_system->Rename(path + ".new", path).ok());
  CHECK(fixture.Fetch("a").method == whisper::AggregationMethod::kAverage);
  REQUIRE(fixture.store.Rescan().ok());
  CHECK(fixture.Fetch("a").method == whisper::AggregationMethod::kSum);
  REQUIRE(sender.Send({id}, {{kNow, 2}}).ok());
  sender.AwaitApplied();
  CHECK(fixture.Fetch("a").series.values.back() == 2);
}

// Names and planted links, each through the store with real files.
TEST_CASE("No name and no link leads out of the tenant's directory or to another's file",
          "[store]") {
  Fixture fixture;
  const std::string top = fixture.directory.path();
  Sender sender(fixture.store);
  REQUIRE(sender.Send({sender.Define("a.b")}, {{kNow, 7}}).ok());
  sender.AwaitApplied();
  std::filesystem::create_directories(top + "/outside");
  std::filesystem::copy_file(top + "/whisper/t/a/b.wsp", top + "/outside/secret.wsp");
  std::filesystem::create_symlink(top + "/outside/secret.wsp", top + "/whisper/t/file.wsp");
  std::filesystem::create_symlink("a/b.wsp", top + "/whisper/t/near.wsp");
  std::filesystem::create_symlink("../nowhere.wsp", top + "/whisper/t/dangling.wsp");
  std::filesystem::create_directory_symlink(top + "/outside", top + "/whisper/t/linked");
  const std::string secret =
      base::ReadWholeFile(*fixture.real_file_system, top + "/outside/secret.wsp", 1 << 20).value();

  const std::vector<std::string> metrics = {"a/b",
                                            "..",
                                            "../../outside/secret",
                                            "/etc/passwd",
                                            std::string("a\0b", 3),
                                            std::string(243, 'n'),
                                            "x." + std::string(300, 'n'),
                                            "a..b",
                                            "_tagged.abc",
                                            "file",
                                            "near",
                                            "dangling",
                                            "linked.secret",
                                            "linked.created",
                                            "linked.below.created"};
  std::vector<uint32_t> ids;
  for (const std::string& metric : metrics) ids.push_back(sender.Define(metric));
  REQUIRE(sender.Send(ids, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  CHECK(sender.refused().size() == metrics.size());
  for (const RefusedSeries& refused : sender.refused()) {
    INFO(refused.message);
    CHECK((refused.reason == RefusalReason::kInvalidName ||
           refused.reason == RefusalReason::kCorruptFile));
  }
  for (const std::string& metric : metrics) {
    INFO(metric);
    CHECK_FALSE(fixture.store.Fetch(SeriesName("t", metric), {}).ok());
    CHECK_FALSE(fixture.index->Contains("t", metric));
  }
  CHECK(fixture.Fetch("a.b").series.values.back() == 7);
  CHECK(base::ReadWholeFile(*fixture.real_file_system, top + "/outside/secret.wsp", 1 << 20)
            .value() == secret);
  const auto outside = fixture.real_file_system->ListDirectory(top + "/outside");
  CHECK(outside->size() == 1);
  CHECK_FALSE(std::filesystem::exists(top + "/whisper/nowhere.wsp"));
}

TEST_CASE("A batch is durable after the next checkpoint", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  REQUIRE(sender.Send({sender.Define("a")}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  CHECK(sender.durable() == 0);
  fixture.store.Checkpoint();
  CHECK(sender.durable() == 1);
}

TEST_CASE("A checkpoint that is asked for does not wait for the interval, nor for room on the disk",
          "[store]") {
  Fixture fixture;  // its clock stands still
  Sender sender(fixture.store);
  REQUIRE(sender.Send({sender.Define("a")}, {{kNow, 1}}).ok());
  REQUIRE(sender.AskForCheckpoint().ok());
  sender.AwaitDurable(2);
  fixture.file_system.SetSpace({.free_bytes = 0, .total_bytes = 1'000'000});
  fixture.store.CheckDisk();
  REQUIRE(absl::IsResourceExhausted(sender.TryToSend({0}, {{kNow, 1}})));
  REQUIRE(sender.AskForCheckpoint().ok());
  sender.AwaitDurable(3);
}

TEST_CASE("A sync that fails is fatal and makes nothing durable", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  REQUIRE(sender.Send({sender.Define("a")}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  fixture.file_system.Set({.nth = 1, .kinds = FaultFileSystem::kSync});
  fixture.store.Checkpoint();
  CHECK(absl::IsUnavailable(fixture.sync_failure));
  CHECK(sender.durable() == 0);
}

TEST_CASE("A drain applies and syncs what was accepted and refuses what comes later", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  for (uint32_t i = 0; i < 50; ++i) REQUIRE(sender.Send({id}, {{kNow, 1.0 * i}}).ok());
  fixture.store.Drain();
  sender.AwaitApplied();
  CHECK(sender.durable() == 50);
  CHECK(absl::IsUnavailable(sender.Send({id}, {{kNow, 1}})));
  CHECK(fixture.Fetch("a").series.values.back() == 49);
}

TEST_CASE("A file of another tool is served by name at once, and found after a scan", "[store]") {
  Fixture fixture;
  const std::string directory = fixture.directory.path() + "/whisper/t/";
  const whisper::Header header = fixture.policies.Current()->Of("t").rules.HeaderFor("x");
  for (const char* name : {"fetched", "scanned"}) {
    REQUIRE(whisper::Create(fixture.file_system, absl::StrCat(directory, name, ".wsp"), header,
                            whisper::Existing::kRefuse)
                .ok());
  }
  CHECK(fixture.Fetch("fetched").series.values.size() == 2);
  CHECK(fixture.index->Contains("t", "fetched"));
  REQUIRE(fixture.store.Rescan().ok());
  CHECK(fixture.index->Contains("t", "scanned"));
}

TEST_CASE("A file compressed by go-carbon is served, and updates of it are refused", "[store]") {
  Fixture fixture;
  const std::string directory = fixture.directory.path() + "/whisper/t";
  REQUIRE(fixture.file_system.CreateDirectories(directory).ok());
  std::filesystem::copy_file(WHISPER_TESTDATA "/one_point.wsp", directory + "/a.wsp");
  const whisper::FetchRange range{.from = kNow - 1, .until = kNow, .now = kNow};
  const auto fetched = fixture.store.Fetch(SeriesName("t", "a"), range);
  REQUIRE(fetched.ok());
  CHECK(fetched->series.values == std::vector<double>{0});
  Sender sender(fixture.store);
  REQUIRE(sender.Send({sender.Define("a")}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  REQUIRE(sender.refused().size() == 1);
  CHECK(sender.refused()[0].reason == RefusalReason::kReadOnly);
  CHECK(absl::StrContains(sender.refused()[0].message, "compressed by go-carbon"));
  CHECK(fixture.store.Fetch(SeriesName("t", "a"), range)->series.values == std::vector<double>{0});
}

TEST_CASE("A scan removes what a creation of an earlier process left, and none of this one",
          "[store]") {
  Fixture fixture;
  const std::string directory = fixture.directory.path() + "/whisper/t";
  REQUIRE(fixture.file_system.CreateDirectories(directory).ok());
  const auto leave = [&](const std::string& path, uint32_t modified_unix_seconds) {
    REQUIRE(fixture.file_system.CreateExclusive(path).ok());
    std::filesystem::last_write_time(
        path, std::chrono::file_clock::from_sys(
                  std::chrono::sys_seconds(std::chrono::seconds(modified_unix_seconds))));
  };
  leave(directory + "/old.wsp.tmp", kNow - 1);
  leave(directory + "/new.wsp.tmp", kNow);
  REQUIRE(fixture.store.Rescan().ok());
  CHECK_FALSE(std::filesystem::exists(directory + "/old.wsp.tmp"));
  CHECK(std::filesystem::exists(directory + "/new.wsp.tmp"));
}

TEST_CASE("A file that another tool removed is made again after a scan", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a");
  REQUIRE(sender.Send({id}, {{kNow, 1}}).ok());
  sender.AwaitApplied();
  REQUIRE(fixture.file_system.Remove(fixture.directory.path() + "/whisper/t/a.wsp").ok());
  REQUIRE(fixture.store.Rescan().ok());
  CHECK_FALSE(fixture.index->Contains("t", "a"));
  CHECK(absl::IsNotFound(fixture.store.Fetch(SeriesName("t", "a"), {}).status()));
  REQUIRE(sender.Send({id}, {{kNow, 2}}).ok());
  sender.AwaitApplied();
  CHECK(fixture.index->Contains("t", "a"));
  CHECK(std::isnan(fixture.Fetch("a").series.values.front()));
  CHECK(fixture.Fetch("a").series.values.back() == 2);
}

TEST_CASE("What is stored, created and dropped is counted", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t good = sender.Define("a");
  const uint32_t bad = sender.Define("a..b");
  REQUIRE(sender.Send({good, bad}, {{kNow - 60, 1}, {kNow, 2}}).ok());
  sender.AwaitApplied();
  const std::string text = fixture.metrics.Scrape();
  for (const char* line :
       {"plumbago_store_points_stored_total 2", "plumbago_store_series_created_total 1",
        "plumbago_store_series_updates_total 1", "plumbago_store_open_files 1",
        "plumbago_store_queued_bytes 0", "plumbago_store_series 1",
        "plumbago_points_dropped_total{reason=\"invalid_name\",service=\"store\",tenant=\"t\"} "
        "2"}) {
    INFO(text);
    CHECK(absl::StrContains(text, line));
  }
}

TEST_CASE("Exclusive work on a series runs between its writes, and its new file is seen",
          "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  const uint32_t id = sender.Define("a.b");
  const std::string path = fixture.directory.path() + "/whisper/t/a/b.wsp";
  REQUIRE(sender.Send({id}, {{kNow - 60, 1}}).ok());
  // Queued behind the batch above, so its file is there.
  REQUIRE(fixture.store
              .RunExclusive(SeriesName("t", "a.b"),
                            [&] { return fixture.file_system.Rename(path, path + ".aside"); })
              .ok());
  REQUIRE(sender.Send({id}, {{kNow, 2}}).ok());
  sender.AwaitApplied();
  const FetchedSeries fetched = fixture.Fetch("a.b");
  CHECK(std::isnan(fetched.series.values.front()));
  CHECK(fetched.series.values.back() == 2);
  const auto refused =
      fixture.store.RunExclusive(SeriesName("t", "a.b"), [] { return absl::DataLossError("no"); });
  CHECK(absl::IsDataLoss(refused));
  fixture.store.Drain();
  CHECK(absl::IsUnavailable(fixture.store.RunExclusive(SeriesName("t", "a.b"), [] {
    FAIL("ran after the drain");
    return absl::OkStatus();
  })));
}

TEST_CASE("While the store is paused nothing is written, and everything after it", "[store]") {
  Fixture fixture;
  Sender sender(fixture.store);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(sender.Define(absl::StrCat("m", i)));
  REQUIRE(sender.Send(ids, {{kNow - 60, 1}}).ok());
  REQUIRE(fixture.store
              .RunPaused([&] {
                REQUIRE(sender.Send(ids, {{kNow, 2}}).ok());
                for (int i = 0; i < 20; ++i) {
                  const auto fetched = fixture.Fetch(absl::StrCat("m", i));
                  CHECK(fetched.series.values.front() == 1);
                  CHECK(std::isnan(fetched.series.values.back()));
                }
                return absl::OkStatus();
              })
              .ok());
  sender.AwaitApplied();
  for (int i = 0; i < 20; ++i) CHECK(fixture.Fetch(absl::StrCat("m", i)).series.values.back() == 2);
}

}  // namespace
}  // namespace plumbago::store

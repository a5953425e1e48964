// Proves what drifts and how it is explained, that a conversion keeps points, snapshots and the
// time of the file, that no update is lost beside it, and what is left when any call of it fails.
#include "store/series_converter.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "store/tree_scan.h"
#include "whisper/testing/every_fault.h"
#include "whisper/updater.h"
#include "whisper/verify.h"

namespace plumbago::store {
namespace {

constexpr uint32_t kNow = 1'700'000'100;  // a multiple of 300

std::string Schemas(const std::string& retentions) {
  return absl::StrCat("[all]\npattern = .*\nretentions = ", retentions, "\n");
}

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  base::testing::FaultFileSystem file_system{*real};
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  StoragePolicies policies{file_system, metrics, {.built_in = {.schemas = Schemas("60s:1h")}}};
  Quotas quotas{*index};
  Store store{{clock, file_system, metrics, *index, policies, quotas},
              {.directory = directory.path(), .writer_threads = 2}};
  SeriesConverter converter{{clock, file_system, *index, store, policies}, directory.path()};

  Fixture() { REQUIRE(store.Start().ok()); }

  void SetPolicy(const std::string& retentions, const std::string& aggregation = "") {
    v1::Snapshot snapshot;
    v1::Tenant& tenant = *snapshot.add_tenant();
    tenant.set_id("t");
    tenant.mutable_storage_policy()->set_storage_schemas(Schemas(retentions));
    tenant.mutable_storage_policy()->set_storage_aggregation(aggregation);
    policies.Apply(*topology::Snapshot::FromProto(snapshot).value());
  }
  std::string PathOf(absl::string_view metric) {
    return absl::StrCat(directory.path(), "/", SeriesPath(SeriesName("t", metric)).value());
  }
  std::vector<double> Values(absl::string_view metric, uint32_t from) {
    return store.Fetch(SeriesName("t", metric), {.from = from, .until = kNow, .now = kNow})
        ->series.values;
  }
};

// Sends batches of one series and waits until they are applied.
class Writer {
 public:
  Writer(Store& store, absl::string_view metric) : store_(store), session_(store.OpenSession()) {
    REQUIRE(session_->Define(0, "t", metric).ok());
    session_->SetListener([this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      applied_.notify_all();
    });
  }

  void Send(const std::vector<whisper::Point>& points) {
    auto batch = std::make_shared<WriteBatch>();
    batch->sequence = ++sequence_;
    batch->points = points;
    batch->entries.push_back({.series_id = 0,
                              .series = session_->FindSeries(0),
                              .first_point = 0,
                              .point_count = points.size()});
    REQUIRE(store_.Submit(session_, std::move(batch)).ok());
  }
  // The refusals since the last call.
  std::vector<RefusedSeries> Await() {
    std::unique_lock<std::mutex> lock(mutex_);
    applied_.wait(lock, [this] { return session_->applied_sequence() == sequence_; });
    WriteSession::Progress progress;
    session_->TakeProgress(&progress);
    return std::move(progress.refused);
  }

 private:
  Store& store_;
  std::shared_ptr<WriteSession> session_;
  uint64_t sequence_ = 0;
  std::mutex mutex_;
  std::condition_variable applied_;
};

TEST_CASE("A series is explained by its rules, with and without a file", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a.b");
  SeriesExplanation explanation = fixture.converter.Explain(name).value();
  CHECK(explanation.schema_rule == "[all] of storage-schemas.conf line 1");
  CHECK(explanation.aggregation_rule == "default");
  CHECK(explanation.source == PolicySource::kBuiltIn);
  CHECK(explanation.path == "t/a/b.wsp");
  CHECK(explanation.wanted.file_bytes == 16 + 12 + 60 * 12);
  CHECK_FALSE(explanation.present.has_value());

  Writer writer(fixture.store, "a.b");
  writer.Send({{kNow, 1}});
  writer.Await();
  fixture.SetPolicy("60s:2h", "[sum]\npattern = b$\naggregationMethod = sum\n");
  explanation = fixture.converter.Explain(name).value();
  CHECK(explanation.source == PolicySource::kController);
  CHECK(explanation.aggregation_rule ==
        "[sum] of storage-aggregation.conf of tenant t from the controller line 1");
  REQUIRE(explanation.present.has_value());
  CHECK(explanation.present->header.archives[0].point_count == 60);
  CHECK(explanation.wanted.header.archives[0].point_count == 120);
  CHECK(absl::IsInvalidArgument(fixture.converter.Explain(SeriesName("t", "../x")).status()));
}

TEST_CASE("What drifts is told with what would be kept, and converted once", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  Writer writer(fixture.store, "a");
  writer.Send({{kNow - 3000, 1}, {kNow - 120, 2}, {kNow, 3}});
  writer.Await();
  CHECK_FALSE(fixture.converter.Inspect(name)->has_value());
  CHECK_FALSE(fixture.converter.Convert(name)->has_value());

  fixture.SetPolicy("60s:10m");
  const auto preview = fixture.converter.Inspect(name).value();
  REQUIRE(preview.has_value());
  CHECK(preview->counts.points_kept == 2);
  CHECK(preview->counts.points_dropped == 1);
  CHECK(preview->wanted.file_bytes < preview->present.file_bytes);
  REQUIRE(fixture.real->SetModifiedTime(fixture.PathOf("a"), 1'600'000'000).ok());

  const auto converted = fixture.converter.Convert(name).value();
  REQUIRE(converted.has_value());
  CHECK(converted->counts.points_kept == 2);
  CHECK(fixture.Values("a", kNow - 180)[0] == 2);
  CHECK(fixture.Values("a", kNow - 180)[2] == 3);
  CHECK(fixture.real->Stat(fixture.PathOf("a"))->modified_unix_seconds == 1'600'000'000);
  CHECK(fixture.index->Get("t", "a")->file_bytes == converted->wanted.file_bytes);
  CHECK_FALSE(fixture.converter.Convert(name)->has_value());
  // Later points go into the new file.
  writer.Send({{kNow - 60, 9}});
  CHECK(writer.Await().empty());
  CHECK(fixture.Values("a", kNow - 180)[1] == 9);
  CHECK(absl::IsNotFound(fixture.converter.Convert(SeriesName("t", "none")).status()));
}

TEST_CASE("Another method or factor changes the header only, and no snapshot's", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  Writer writer(fixture.store, "a");
  writer.Send({{kNow, 3}});
  writer.Await();
  const std::string other = fixture.directory.path() + "/other-name";
  fixture.store.files().ForgetAll();
  REQUIRE(fixture.store
              .RunPaused([&] {
                fixture.store.files().ExpectNewLinks();
                return fixture.real->Link(fixture.PathOf("a"), other);
              })
              .ok());
  const std::string before = base::ReadWholeFile(*fixture.real, other, 1 << 20).value();
  fixture.SetPolicy("60s:1h", "[sum]\npattern = a\naggregationMethod = sum\nxFilesFactor = 0\n");
  REQUIRE(fixture.converter.Convert(name)->has_value());
  const auto fetched =
      fixture.store.Fetch(name, {.from = kNow - 60, .until = kNow, .now = kNow}).value();
  CHECK(fetched.method == whisper::AggregationMethod::kSum);
  CHECK(fetched.x_files_factor == 0);
  CHECK(fetched.series.values == std::vector<double>{3});
  CHECK(base::ReadWholeFile(*fixture.real, other, 1 << 20).value() == before);
}

TEST_CASE("A compressed file of go-carbon becomes one that can be written", "[store]") {
  Fixture fixture;
  const std::string path = fixture.PathOf("a");
  REQUIRE(fixture.real->CreateDirectories(path.substr(0, path.rfind('/'))).ok());
  std::filesystem::copy_file(std::string(WHISPER_TESTDATA) + "/ramp.wsp", path);
  const auto before = fixture.converter.Explain(SeriesName("t", "a")).value();
  REQUIRE(before.present->header.format == whisper::Format::kCompressed);
  Writer writer(fixture.store, "a");
  writer.Send({{kNow, 7}});
  REQUIRE(writer.Await().size() == 1);
  REQUIRE(fixture.converter.Convert(SeriesName("t", "a"))->has_value());
  writer.Send({{kNow, 7}});
  CHECK(writer.Await().empty());
  CHECK(fixture.Values("a", kNow - 60) == std::vector<double>{7});
}

TEST_CASE("Points that arrive during conversions are all there", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  Writer writer(fixture.store, "a");
  writer.Send({{kNow - 3000, 0}});
  writer.Await();
  constexpr uint32_t kPoints = 50;
  for (uint32_t i = 0; i < kPoints; ++i) {
    fixture.SetPolicy(i % 2 == 0 ? "60s:2h,300s:1d" : "60s:3h");
    writer.Send({{kNow - 60 * (kPoints - 1) + 60 * i, static_cast<double>(i)}});
    REQUIRE(fixture.converter.Convert(name)->has_value());
  }
  CHECK(writer.Await().empty());
  const std::vector<double> values = fixture.Values("a", kNow - 60 * kPoints);
  REQUIRE(values.size() == kPoints);
  for (uint32_t i = 0; i < kPoints; ++i) CHECK(values[i] == i);
}

TEST_CASE("A fault at any call of a conversion leaves the old file or the new one", "[store]") {
  size_t old_count = 0;
  size_t new_count = 0;
  const size_t fault_count =
      whisper::testing::ForEveryFault([&](const base::testing::FaultFileSystem::Plan& plan) {
        Fixture fixture;
        Writer writer(fixture.store, "a");
        writer.Send({{kNow - 120, 2}, {kNow, 3}});
        writer.Await();
        fixture.SetPolicy("60s:2h,300s:1d", "[m]\npattern = a\naggregationMethod = max\n");
        fixture.file_system.Set(plan);
        const auto converted = fixture.converter.Convert(SeriesName("t", "a"));
        const bool has_failed = fixture.file_system.has_failed();
        fixture.file_system.Set({});
        INFO("call " << plan.nth << ": " << converted.status());
        CHECK(converted.ok() == !has_failed);
        fixture.store.files().ForgetAll();

        const auto file = fixture.real->OpenForRead(fixture.PathOf("a")).value();
        const auto report = whisper::Verify(*file);
        REQUIRE(report.ok());
        CHECK(report->is_sound());
        ++(report->header.archives.size() == 1 ? old_count : new_count);
        CHECK(fixture.Values("a", kNow - 180)[0] == 2);
        CHECK(fixture.Values("a", kNow - 180)[2] == 3);
        // Nothing else is left, at the latest after the first scan of the next process.
        if (plan.after == base::testing::FaultFileSystem::After::kDead) {
          REQUIRE(ScanTree(*fixture.real, fixture.directory.path(), *fixture.index,
                           [] { return false; },
                           {.leftovers_before_unix_seconds = std::numeric_limits<int64_t>::max()})
                      .ok());
        }
        CHECK_FALSE(fixture.real->Stat(fixture.PathOf("a") + ".tmp").ok());
        // And it can be done again.
        REQUIRE(fixture.converter.Convert(SeriesName("t", "a")).ok());
        CHECK_FALSE(fixture.converter.Inspect(SeriesName("t", "a"))->has_value());
        return has_failed;
      });
  CHECK(fault_count >= 6 * 8);
  CHECK(old_count > 0);
  CHECK(new_count > 0);
}

// ---- quotas and policies through the store ----

TEST_CASE("A new series gets the layout of the policy in force, an old one keeps its own",
          "[store]") {
  Fixture fixture;
  Writer before(fixture.store, "before");
  before.Send({{kNow, 1}});
  before.Await();
  fixture.SetPolicy("10s:1h");
  Writer after(fixture.store, "after");
  after.Send({{kNow, 1}});
  after.Await();
  before.Send({{kNow, 2}});
  before.Await();
  const auto step = [&](absl::string_view metric) {
    return fixture.converter.Explain(SeriesName("t", metric))
        ->present->header.archives[0]
        .seconds_per_point;
  };
  CHECK(step("before") == 60);
  CHECK(step("after") == 10);
}

TEST_CASE("Over a quota new series are refused with the reason, and known ones go on", "[store]") {
  Fixture fixture;
  v1::Snapshot snapshot;
  v1::Tenant& tenant = *snapshot.add_tenant();
  tenant.set_id("t");
  tenant.mutable_limits()->set_series(2);
  fixture.quotas.Apply(*topology::Snapshot::FromProto(snapshot).value(), topology::kSlotCount);
  Writer first(fixture.store, "first");
  Writer second(fixture.store, "second");
  Writer third(fixture.store, "third");
  for (Writer* writer : {&first, &second}) {
    writer->Send({{kNow - 60, 1}});
    CHECK(writer->Await().empty());
  }
  third.Send({{kNow - 60, 1}, {kNow, 1}});
  const auto refused = third.Await();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].reason == RefusalReason::kQuota);
  CHECK(refused[0].point_count == 2);
  CHECK_THAT(refused[0].message, Catch::Matchers::Contains("2 series of 2"));
  CHECK_FALSE(fixture.real->Stat(fixture.PathOf("third")).ok());
  const std::string scrape = fixture.metrics.Scrape();
  CHECK_THAT(scrape,
             Catch::Matchers::Contains("plumbago_store_series_refused_total{tenant=\"t\"} 1") &&
                 Catch::Matchers::Contains("reason=\"quota\""));
  first.Send({{kNow, 2}});
  CHECK(first.Await().empty());

  // A series that goes makes room.
  REQUIRE(fixture.store
              .RunExclusive(SeriesName("t", "second"),
                            [&] {
                              CHECK(fixture.index->Remove("t", "second").ok());
                              return fixture.real->Remove(fixture.PathOf("second"));
                            })
              .ok());
  third.Send({{kNow, 1}});
  CHECK(third.Await().empty());
  // What fails on the way does not use the quota up.
  fixture.index->Remove("t", "first").IgnoreError();
  fixture.file_system.Set({.nth = 1, .kinds = base::testing::FaultFileSystem::kPreallocate});
  Writer fourth(fixture.store, "fourth");
  fourth.Send({{kNow, 1}});
  CHECK(fourth.Await()[0].reason == RefusalReason::kWriteFailed);
  fourth.Send({{kNow, 1}});
  CHECK(fourth.Await().empty());
}

}  // namespace
}  // namespace plumbago::store

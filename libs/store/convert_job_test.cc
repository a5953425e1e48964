// Proves what the job converts and tells, that a dry run changes nothing, and that it can be ended.
#include "store/convert_job.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"
#include "whisper/updater.h"

namespace plumbago::store {
namespace {

constexpr int kSeries = 3;

std::string Schemas(const std::string& retentions) {
  return absl::StrCat("[all]\npattern = .*\nretentions = ", retentions, "\n");
}

// Three series of 60s:1h with a point each, where the policy now wants 60s:2h.
struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::SystemClock clock;
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  StoragePolicies policies{*file_system, metrics, {.built_in = {.schemas = Schemas("60s:2h")}}};
  Quotas quotas{*index};
  Store store{{clock, *file_system, metrics, *index, policies, quotas},
              {.directory = directory.path(), .writer_threads = 2}};
  SeriesConverter converter{{clock, *file_system, *index, store, policies}, directory.path()};
  JobRunner jobs{clock, {}};

  Fixture() {
    REQUIRE(store.Start().ok());
    jobs.Start();
    const auto now = static_cast<uint32_t>(clock.UnixSeconds());
    for (int i = 0; i < kSeries; ++i) {
      const std::string metric = absl::StrCat("a.m", i);
      const auto header =
          whisper::MakeHeader({{60, 60}}, 0.5F, whisper::AggregationMethod::kAverage).value();
      const auto file =
          whisper::Create(*file_system, PathOf(metric), header, whisper::Existing::kRefuse).value();
      whisper::BaseTimes base_times;
      REQUIRE(whisper::Updater()
                  .UpdateMany({*file, header, base_times}, std::vector<whisper::Point>{{now, 1}},
                              now, whisper::Duplicates::kLastWins)
                  .ok());
      REQUIRE(index->Add("t", metric).ok());
    }
  }
  ~Fixture() { jobs.Drain(); }

  std::string PathOf(absl::string_view metric) {
    return absl::StrCat(directory.path(), "/", SeriesPath(SeriesName("t", metric)).value());
  }
  bool HasDrifted(absl::string_view metric) {
    return converter.Inspect(SeriesName("t", metric))->has_value();
  }
  uint64_t Start(const ConvertRequest& request) {
    auto planned = PlanConvert(clock, *index, converter, request).value();
    return jobs.Submit(std::move(planned.description), std::move(planned.work))->id();
  }
  v1::Job Await(uint64_t id) {
    uint64_t version = 0;
    for (;;) {
      const auto watched = jobs.Await(id, version, absl::Seconds(1)).value();
      if (watched.has_ended) return watched.job;
      version = watched.version;
    }
  }
};

TEST_CASE("A dry run tells what would be done and does nothing", "[store]") {
  Fixture fixture;
  const v1::Job job =
      fixture.Await(fixture.Start({.tenant = "t", .pattern = "", .is_dry_run = true}));
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.dry_run());
  CHECK(job.total_count() == kSeries);
  CHECK(job.done_count() == kSeries);
  REQUIRE(job.item_size() == kSeries + 1);
  CHECK(job.item(0) ==
        "a.m0: 1m:1h average 0.5 -> 1m:2h average 0.5, 748 -> 1468 bytes, 1 points kept, 0 "
        "dropped or merged");
  CHECK(job.item(kSeries) ==
        "would convert 3 series: 2244 -> 4404 bytes, 3 points kept, 0 dropped or merged");
  CHECK(fixture.HasDrifted("a.m0"));
}

TEST_CASE("What the pattern matches is converted, and the second time there is nothing to do",
          "[store]") {
  Fixture fixture;
  const ConvertRequest request{.tenant = "t", .pattern = "a.m[01]", .series_per_second = 1000};
  v1::Job job = fixture.Await(fixture.Start(request));
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.done_count() == 2);
  CHECK(job.byte_count() == 2 * 1468);
  CHECK_FALSE(fixture.HasDrifted("a.m0"));
  CHECK_FALSE(fixture.HasDrifted("a.m1"));
  CHECK(fixture.HasDrifted("a.m2"));
  job = fixture.Await(fixture.Start(request));
  CHECK(job.done_count() == 2);
  CHECK(job.item_size() == 1);
}

TEST_CASE("A damaged file is told and does not hold up the others", "[store]") {
  Fixture fixture;
  REQUIRE(base::WriteFileAtomically(*fixture.file_system, fixture.PathOf("a.m1"), "rubbish").ok());
  REQUIRE(fixture.file_system->Remove(fixture.PathOf("a.m2")).ok());
  const v1::Job job =
      fixture.Await(fixture.Start({.tenant = "t", .pattern = "", .series_per_second = 1000}));
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.done_count() == 1);
  CHECK(job.failed_count() == 1);
  CHECK(job.skipped_count() == 1);
  CHECK(absl::StrContains(job.item(0), "a.m1 failed: "));
  CHECK_FALSE(fixture.HasDrifted("a.m0"));
}

TEST_CASE("A slow conversion is ended between two series", "[store]") {
  Fixture fixture;
  // The first series at once, the second in a quarter of an hour.
  const uint64_t id = fixture.Start({.tenant = "t", .pattern = "", .series_per_second = 0.001});
  uint64_t version = 0;
  while (fixture.jobs.Await(id, version, absl::Seconds(1))->job.done_count() == 0) {
    version = fixture.jobs.Await(id, version, absl::Seconds(1))->version;
  }
  REQUIRE(fixture.jobs.Cancel(id).ok());
  const v1::Job job = fixture.Await(id);
  CHECK(job.state() == v1::Job::CANCELLED);
  CHECK(job.done_count() == 1);
  CHECK_FALSE(fixture.HasDrifted("a.m0"));
  CHECK(fixture.HasDrifted("a.m1"));
}

TEST_CASE("A bad tenant, pattern or rate is refused before the job", "[store]") {
  Fixture fixture;
  const auto refuses = [&](const ConvertRequest& request) {
    return absl::IsInvalidArgument(
        PlanConvert(fixture.clock, *fixture.index, fixture.converter, request).status());
  };
  CHECK(refuses({.tenant = "", .pattern = ""}));
  CHECK(refuses({.tenant = "t", .pattern = "a..b"}));
  CHECK(refuses({.tenant = "t", .pattern = "", .series_per_second = -1}));
  CHECK_FALSE(refuses({.tenant = "t", .pattern = "a.*"}));
}

}  // namespace
}  // namespace plumbago::store

// Proves with real files that deleting can be undone until the retention is over, that points which
// arrive meanwhile are kept, and that no fault of the disk loses a series.
#include "store/trash.h"

#include <filesystem>

#include "store/testing/operated_store.h"

namespace plumbago::store {
namespace {

using testing::OperatedStore;
using Points = OperatedStore::Points;
constexpr uint32_t kNow = OperatedStore::kNow;
using Faults = base::testing::FaultFileSystem;

v1::Job RestoreLatest(OperatedStore& fixture, bool is_dry_run = false) {
  const auto entries = fixture.trash.List("t");
  REQUIRE(entries.ok());
  REQUIRE_FALSE(entries->empty());
  v1::RestoreTrash request;
  request.set_id(entries->front().name);
  return fixture.Run(fixture.trash.PlanRestore("t", request, is_dry_run));
}

TEST_CASE("A dry run of a deletion shows what would go and changes nothing", "[trash]") {
  OperatedStore fixture;
  fixture.Write({"a.b.c", "a.d", "x.y"}, {{kNow, 1}});
  const v1::Job job = fixture.Delete("a.**", true);
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.dry_run());
  CHECK(job.done_count() == 2);
  CHECK(job.item_size() == 2);
  CHECK(job.byte_count() == 2 * std::filesystem::file_size(fixture.PathOf("x.y")));
  CHECK(fixture.trash.List("t")->empty());
  CHECK(fixture.Read("a.b.c") == Points{{kNow, 1}});
}

TEST_CASE("Deleted series are gone, and come back with their points", "[trash]") {
  OperatedStore fixture;
  fixture.Write({"a.b.c", "a.d", "disk;k=v", "x.y"}, {{kNow - 60, 1}, {kNow, 2}});
  const v1::Job job = fixture.Delete("a.**");
  CHECK(job.done_count() == 2);
  CHECK(fixture.Delete("disk;k=v").done_count() == 1);
  for (const char* metric : {"a.b.c", "a.d", "disk;k=v"}) {
    CHECK(fixture.Read(metric).empty());
    CHECK_FALSE(fixture.Has(metric));
  }
  CHECK_FALSE(std::filesystem::exists(fixture.directory.path() + "/whisper/t/a"));
  CHECK(fixture.Has("x.y"));
  const auto entries = fixture.trash.List("t");
  REQUIRE(entries->size() == 2);
  CHECK(entries->back().description == "delete a.**");
  CHECK(entries->back().series_count == 2);
  CHECK(RestoreLatest(fixture, true).done_count() == 1);
  CHECK(RestoreLatest(fixture).done_count() == 1);
  CHECK(RestoreLatest(fixture).done_count() == 2);
  for (const char* metric : {"a.b.c", "a.d", "disk;k=v", "x.y"}) {
    CHECK(fixture.Read(metric) == Points{{kNow - 60, 1}, {kNow, 2}});
    CHECK(fixture.Has(metric));
  }
  CHECK(fixture.trash.List("t")->empty());
}

TEST_CASE("A point after a deletion makes a new series, whose gaps a restore fills", "[trash]") {
  OperatedStore fixture;
  const Points old = {{kNow - 420, 1}, {kNow - 360, 2}, {kNow - 300, 3}, {kNow - 240, 4}};
  fixture.Write({"a.b"}, old);
  fixture.Delete("a.b");
  fixture.Write({"a.b"}, {{kNow, 9}});
  CHECK(fixture.Read("a.b") == Points{{kNow, 9}});
  const v1::Job job = RestoreLatest(fixture);
  CHECK(job.done_count() == 1);
  REQUIRE(job.item_size() == 1);
  Points all = old;
  all[kNow] = 9;
  CHECK(fixture.Read("a.b") == all);
  CHECK(fixture.trash.List("t")->empty());
}

TEST_CASE("Only series without a recent point expire", "[trash]") {
  OperatedStore fixture;
  fixture.Write({"old.one", "old.two"}, {{kNow - 300, 1}});
  fixture.Write({"fresh"}, {{kNow, 1}});
  const auto time_of = [](int64_t unix_seconds) {
    return std::filesystem::file_time_type::clock::from_sys(
        std::chrono::sys_seconds(std::chrono::seconds(unix_seconds)));
  };
  std::filesystem::last_write_time(fixture.PathOf("old.one"), time_of(kNow - 1000));
  std::filesystem::last_write_time(fixture.PathOf("old.two"), time_of(kNow - 500));
  v1::ExpireSeries request;
  request.set_before_unix_seconds(kNow - 500);
  CHECK(fixture.Run(fixture.trash.PlanExpire("t", request, false)).done_count() == 1);
  CHECK_FALSE(fixture.Has("old.one"));
  CHECK(fixture.Has("old.two"));
  CHECK(fixture.Has("fresh"));
  request.set_before_unix_seconds(kNow + 1);
  CHECK(absl::IsInvalidArgument(fixture.trash.PlanExpire("t", request, false).status()));
}

TEST_CASE("Trash is purged when its retention is over, not before", "[trash]") {
  OperatedStore fixture;
  fixture.Write({"a.b"}, {{kNow, 1}});
  fixture.Delete("a.b");
  fixture.clock.Advance(absl::Hours(24) - absl::Seconds(1));
  fixture.trash.PurgeExpired();
  CHECK(fixture.trash.List("t")->size() == 1);
  fixture.clock.Advance(absl::Seconds(1));
  fixture.trash.PurgeExpired();
  CHECK(fixture.trash.List("t")->empty());
  CHECK(std::filesystem::is_empty(fixture.directory.path() + "/trash/t"));
}

TEST_CASE("Requests that cannot be meant are refused", "[trash]") {
  OperatedStore fixture;
  v1::RestoreTrash restore;
  for (const char* id : {"", "..", "../t", "A"}) {
    restore.set_id(id);
    CHECK(absl::IsInvalidArgument(fixture.trash.PlanRestore("t", restore, false).status()));
  }
  restore.set_id("20240501t120000z-1");
  CHECK(absl::IsNotFound(fixture.trash.PlanRestore("t", restore, false).status()));
  CHECK(absl::IsInvalidArgument(fixture.trash.PlanDelete("t", {}, false).status()));
  CHECK(absl::IsInvalidArgument(fixture.trash.PlanDelete("../t", {}, false).status()));
  CHECK(fixture.Delete("nothing.like.it").done_count() == 0);
  CHECK(fixture.trash.List("t")->empty());
}

TEST_CASE("Nothing is moved through a symbolic link in the tree", "[trash]") {
  OperatedStore fixture;
  fixture.Write({"a.b", "x.y"}, {{kNow, 1}});
  const std::string tree = fixture.directory.path() + "/whisper/t";
  const std::string outside = fixture.directory.path() + "/outside";
  REQUIRE(fixture.real_file_system->Rename(tree + "/a", outside).ok());
  std::filesystem::create_directory_symlink(outside, tree + "/a");
  const v1::Job job = fixture.Delete("a.*");
  CHECK(job.failed_count() == 1);
  REQUIRE(job.item_size() == 1);
  CHECK(std::filesystem::exists(outside + "/b.wsp"));
  const std::string copy = fixture.staging.NewPath();
  CHECK(absl::IsFailedPrecondition(fixture.tree.CopyOut(SeriesName("t", "a.b"), copy)));
  REQUIRE(fixture.tree.CopyOut(SeriesName("t", "x.y"), copy).ok());
  const auto put = fixture.tree.Put(SeriesName("t", "a.new"), copy, PutMode::kCreateOrFill);
  CHECK(absl::IsFailedPrecondition(put.status()));
  CHECK_FALSE(std::filesystem::exists(outside + "/new.wsp"));
}

TEST_CASE("No fault at any call of a deletion and its restore loses a series", "[trash]") {
  for (const bool is_restore : {false, true}) {
    for (uint64_t nth = 1;; ++nth) {
      OperatedStore fixture;
      fixture.Write({"a.b", "a.c", "disk;k=v"}, {{kNow, 1}});
      if (is_restore) fixture.Delete("a.*");
      fixture.file_system.Set({.nth = nth,
                               .kinds = Faults::kAll,
                               .fault = Faults::Fault::kNoSpace,
                               .after = Faults::After::kRecovered});
      if (is_restore) {
        if (const auto entries = fixture.trash.List("t"); entries.ok() && !entries->empty()) {
          v1::RestoreTrash request;
          request.set_id(entries->front().name);
          const auto planned = fixture.trash.PlanRestore("t", request, false);
          if (planned.ok()) fixture.Run(planned);
        }
      } else {
        fixture.Delete("a.*");
      }
      const bool has_failed = fixture.file_system.has_failed();
      fixture.file_system.Set({});
      REQUIRE(fixture.store.Rescan().ok());
      // Whatever is not in the tree can be restored.
      for (int round = 0; round < 3 && !fixture.trash.List("t")->empty(); ++round) {
        RestoreLatest(fixture);
      }
      INFO("restore=" << is_restore << " call=" << nth);
      for (const char* metric : {"a.b", "a.c", "disk;k=v"}) {
        CHECK(fixture.Read(metric) == Points{{kNow, 1}});
        CHECK(fixture.Has(metric));
      }
      if (!has_failed) {
        CHECK(nth > 10);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace plumbago::store

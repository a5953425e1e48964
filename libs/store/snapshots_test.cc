// Proves that a snapshot holds every series exactly as it was at one moment, whatever is written
// while and after it is taken, and that a restore brings that back and can be undone.
#include "store/snapshots.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/testing/operated_store.h"

namespace plumbago::store {
namespace {

using testing::OperatedStore;
using Points = OperatedStore::Points;
constexpr uint32_t kNow = OperatedStore::kNow;
using Faults = base::testing::FaultFileSystem;

v1::Job Create(OperatedStore& fixture, const std::string& name) {
  v1::CreateSnapshot request;
  request.set_name(name);
  return fixture.Run(fixture.snapshots.PlanCreate("t", request, false));
}

v1::Job Restore(OperatedStore& fixture, const std::string& name, bool is_dry_run = false) {
  v1::RestoreSnapshot request;
  request.set_name(name);
  return fixture.Run(fixture.snapshots.PlanRestore("t", request, is_dry_run));
}

TEST_CASE("A restore brings back exactly the series and points of the snapshot", "[snapshots]") {
  OperatedStore fixture;
  fixture.Write({"a.b", "a.c", "disk;k=v"}, {{kNow - 60, 1}});
  const v1::Job created = Create(fixture, "one");
  CHECK(created.done_count() == 3);
  fixture.Write({"a.b", "new.d", "disk;k=v"}, {{kNow - 60, 5}, {kNow, 6}});
  fixture.Delete("a.c");
  CHECK(fixture.Read("a.b") == Points{{kNow - 60, 5}, {kNow, 6}});

  CHECK(Restore(fixture, "one", true).total_count() == 4);
  CHECK(fixture.Has("new.d"));
  CHECK(Restore(fixture, "one").failed_count() == 0);
  for (const char* metric : {"a.b", "a.c", "disk;k=v"}) {
    CHECK(fixture.Read(metric) == Points{{kNow - 60, 1}});
  }
  CHECK_FALSE(fixture.Has("new.d"));
  CHECK(fixture.Read("new.d").empty());

  // The restored files are the snapshot's: it is not changed through them, and works again.
  fixture.Write({"a.b"}, {{kNow, 7}});
  CHECK(fixture.Read("a.b") == Points{{kNow - 60, 1}, {kNow, 7}});
  CHECK(Restore(fixture, "one").failed_count() == 0);
  CHECK(fixture.Read("a.b") == Points{{kNow - 60, 1}});
}

TEST_CASE("What a restore replaced is in the trash", "[snapshots]") {
  OperatedStore fixture;
  fixture.Write({"a.b"}, {{kNow - 300, 1}});
  Create(fixture, "one");
  fixture.Write({"new.d"}, {{kNow, 6}});
  Restore(fixture, "one");
  const auto entries = fixture.trash.List("t");
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().series_count == 2);
  v1::RestoreTrash request;
  request.set_id(entries->front().name);
  fixture.Run(fixture.trash.PlanRestore("t", request, false));
  CHECK(fixture.Read("new.d") == Points{{kNow, 6}});
}

TEST_CASE("While points arrive, a snapshot is of one moment", "[snapshots]") {
  OperatedStore fixture;
  std::vector<std::string> metrics;
  for (int i = 0; i < 40; ++i) metrics.push_back(absl::StrCat("m.n", i));
  fixture.Write(metrics, {{kNow, 0}});
  std::atomic<bool> is_over{false};
  // Each batch writes one value to all series, half of them on each writer thread.
  std::thread writer([&] {
    for (int value = 1; !is_over; ++value) fixture.Write(metrics, {{kNow, double(value)}});
  });
  for (const char* name : {"one", "two", "three"}) Create(fixture, name);
  is_over = true;
  writer.join();
  for (const char* name : {"one", "two", "three"}) {
    REQUIRE(Restore(fixture, name).failed_count() == 0);
    // The pause stands at the same place in the queues of both threads.
    double low = 1e9;
    double high = 0;
    for (const std::string& metric : metrics) {
      const Points points = fixture.Read(metric);
      REQUIRE(points.size() == 1);
      low = std::min(low, points.at(kNow));
      high = std::max(high, points.at(kNow));
    }
    INFO(name << ": " << low << " to " << high);
    CHECK(high == low);
  }
}

TEST_CASE("Snapshots are listed, dropped, and have names of their own", "[snapshots]") {
  OperatedStore fixture;
  fixture.Write({"a.b"}, {{kNow, 1}});
  Create(fixture, "one");
  fixture.clock.Advance(absl::Seconds(1));
  Create(fixture, "two");
  const auto list = fixture.snapshots.List("t");
  REQUIRE(list->size() == 2);
  CHECK(list->front().name == "two");
  CHECK(list->front().series_count == 1);
  CHECK(list->front().file_bytes == std::filesystem::file_size(fixture.PathOf("a.b")));
  v1::CreateSnapshot again;
  again.set_name("one");
  CHECK(absl::IsAlreadyExists(fixture.snapshots.PlanCreate("t", again, false).status()));
  again.set_name("../one");
  CHECK(absl::IsInvalidArgument(fixture.snapshots.PlanCreate("t", again, false).status()));
  v1::DropSnapshot drop;
  drop.set_name("one");
  CHECK(fixture.Run(fixture.snapshots.PlanDrop("t", drop, false)).state() == v1::Job::SUCCEEDED);
  CHECK(fixture.snapshots.List("t")->size() == 1);
  CHECK(absl::IsNotFound(fixture.snapshots.PlanDrop("t", drop, false).status()));
}

TEST_CASE("A fault at any call of taking a snapshot leaves a whole one or none", "[snapshots]") {
  for (uint64_t nth = 1;; ++nth) {
    OperatedStore fixture;
    fixture.Write({"a.b", "disk;k=v"}, {{kNow, 1}});
    fixture.file_system.Set({.nth = nth,
                             .kinds = Faults::kAll,
                             .fault = Faults::Fault::kNoSpace,
                             .after = Faults::After::kRecovered});
    v1::CreateSnapshot request;
    request.set_name("one");
    const auto planned = fixture.snapshots.PlanCreate("t", request, false);
    if (planned.ok()) fixture.Run(planned);
    const bool has_failed = fixture.file_system.has_failed();
    fixture.file_system.Set({});
    INFO("call " << nth);
    CHECK(fixture.Write({"a.b", "disk;k=v"}, {{kNow, 2}}) == 0);
    if (fixture.snapshots.List("t")->empty()) {
      CHECK(has_failed);
      CHECK(fixture.Read("a.b") == Points{{kNow, 2}});
    } else {
      CHECK(Restore(fixture, "one").failed_count() == 0);
      CHECK(fixture.Read("a.b") == Points{{kNow, 1}});
      CHECK(fixture.Read("disk;k=v") == Points{{kNow, 1}});
    }
    if (!has_failed) break;
    REQUIRE(nth < 1000);
  }
}

}  // namespace
}  // namespace plumbago::store

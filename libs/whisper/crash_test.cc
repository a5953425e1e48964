// Proves what is left when any call of a creation, an update or a resize fails, or is the last of a
// process: for every call, with every kind of fault. The store's part is libs/store/crash_test.cc.
#include <catch2/catch.hpp>

#include "base/status.h"
#include "base/testing/temporary_directory.h"
#include "whisper/file.h"
#include "whisper/resize.h"
#include "whisper/testing/every_fault.h"
#include "whisper/updater.h"
#include "whisper/verify.h"

namespace plumbago::whisper {
namespace {

using base::testing::FaultFileSystem;
using Plan = FaultFileSystem::Plan;

constexpr uint32_t kNow = 1'700'000'040;  // a multiple of 60 and of 120

Header SmallHeader() {
  return MakeHeader({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kSum).value();
}

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  FaultFileSystem faults{*real};
  std::string path = directory.path() + "/a/b.wsp";

  bool Exists(const std::string& suffix) { return real->Stat(path + suffix).ok(); }
  std::string Bytes() { return base::ReadWholeFile(*real, path, 1000).value(); }
  absl::StatusOr<FileReport> VerifyReal(const std::string& suffix) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto file, real->OpenForRead(path + suffix));
    return Verify(*file);
  }
};

absl::Status UpdateFile(base::FileSystem& file_system, const std::string& path,
                        const std::vector<Point>& points) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto file, file_system.OpenForUpdate(path));
  PLUMBAGO_ASSIGN_OR_RETURN(const Header header, ReadHeader(*file));
  BaseTimes base_times;
  return Updater()
      .UpdateMany({*file, header, base_times}, points, kNow, Duplicates::kLastWins)
      .status();
}

TEST_CASE("A creation that fails at any call leaves a whole file or none", "[whisper]") {
  const size_t fault_count = testing::ForEveryFault([](const Plan& plan) {
    Fixture fixture;
    fixture.faults.Set(plan);
    const absl::Status status =
        Create(fixture.faults, fixture.path, SmallHeader(), Existing::kReplace).status();
    const bool has_failed = fixture.faults.has_failed();
    INFO("call " << plan.nth << ": " << status);
    CHECK(status.ok() == !has_failed);
    if (plan.after == FaultFileSystem::After::kRecovered) CHECK_FALSE(fixture.Exists(".tmp"));
    CHECK(fixture.Exists("") == status.ok());
    // After a restart it works, past whatever was left.
    CHECK(Create(*fixture.real, fixture.path, SmallHeader(), Existing::kReplace).ok());
    CHECK(fixture.VerifyReal("").ok());
    CHECK_FALSE(fixture.Exists(".tmp"));
    return has_failed;
  });
  CHECK(fault_count >= 6 * 4);  // directory, file, blocks and header at least
}

TEST_CASE("An update that fails at any call damages nothing, and is mended by repeating it",
          "[whisper]") {
  const std::vector<Point> old_points = {{kNow - 240, 1}, {kNow - 120, 2}, {kNow - 60, 3}};
  const std::vector<Point> new_points = {{kNow - 300, 4}, {kNow - 60, 5}, {kNow, 6}};
  const auto prepare = [&](Fixture& fixture) {
    REQUIRE(Create(*fixture.real, fixture.path, SmallHeader(), Existing::kRefuse).ok());
    REQUIRE(UpdateFile(*fixture.real, fixture.path, old_points).ok());
  };
  Fixture undisturbed;
  prepare(undisturbed);
  REQUIRE(UpdateFile(*undisturbed.real, undisturbed.path, new_points).ok());

  const size_t fault_count = testing::ForEveryFault([&](const Plan& plan) {
    Fixture fixture;
    prepare(fixture);
    fixture.faults.Set(plan);
    const absl::Status status = UpdateFile(fixture.faults, fixture.path, new_points);
    const bool has_failed = fixture.faults.has_failed();
    INFO("call " << plan.nth << ": " << status);
    CHECK(status.ok() == !has_failed);
    const auto report = fixture.VerifyReal("");
    REQUIRE(report.ok());
    CHECK(report->header == SmallHeader());
    CHECK(report->is_sound());
    CHECK(fixture.Bytes().size() == undisturbed.Bytes().size());
    REQUIRE(UpdateFile(*fixture.real, fixture.path, new_points).ok());
    CHECK(fixture.Bytes() == undisturbed.Bytes());
    return has_failed;
  });
  CHECK(fault_count >= 6 * 5);
}

TEST_CASE("A resize that fails at any call leaves the old file or the new one", "[whisper]") {
  const ResizeOptions options{.archives = {{60, 10}},
                              .x_files_factor = {},
                              .method = {},
                              .migration = Migration::kCopy,
                              .now = kNow};
  testing::ForEveryFault([&](const Plan& plan) {
    Fixture fixture;
    REQUIRE(Create(*fixture.real, fixture.path, SmallHeader(), Existing::kRefuse).ok());
    REQUIRE(UpdateFile(*fixture.real, fixture.path, {{kNow, 7}}).ok());
    fixture.faults.Set(plan);
    const auto resized = ResizeInPlace(fixture.faults, fixture.path, options, Backup::kKeep);
    const bool has_failed = fixture.faults.has_failed();
    INFO("call " << plan.nth << ": " << resized.status());
    // Between the two renames, and where both fail, only the backup has a name.
    const auto report = fixture.VerifyReal(fixture.Exists("") ? "" : ".bak");
    REQUIRE(report.ok());
    CHECK(report->is_sound());
    CHECK(report->archives[0].known_count == 1);
    if (plan.after == FaultFileSystem::After::kRecovered) CHECK_FALSE(fixture.Exists(".tmp"));
    return has_failed;
  });
}

}  // namespace
}  // namespace plumbago::whisper

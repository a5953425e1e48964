// Proves that a resize keeps the points, when it aggregates, and what it leaves on disk. Equality
// with whisper-resize on random files is tests/conformance/whisper_tool_test.py.
#include "whisper/resize.h"

#include <catch2/catch.hpp>

#include "whisper/testing/test_file.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;  // a multiple of 60 and of 120

struct Fixture {
  testing::TestFile file{{{60, 4}, {120, 8}}, 0.5F, AggregationMethod::kSum};
  ResizeOptions options{.archives = {{60, 10}, {120, 20}},
                        .x_files_factor = {},
                        .method = {},
                        .migration = Migration::kCopy,
                        .now = kNow};

  Fixture() { file.Update({{kNow - 720, 5}, {kNow - 120, 1}, {kNow - 60, 2}, {kNow, 3}}, kNow); }

  absl::StatusOr<Header> Run(Backup backup) {
    return ResizeInPlace(file.file_system(), file.path(), options, backup);
  }
  Series FetchNew(int64_t from) {
    const auto opened = file.file_system().OpenForRead(file.path()).value();
    const Header header = ReadHeader(*opened).value();
    BaseTimes base_times;
    return Fetch({*opened, header, base_times}, {.from = from, .until = kNow, .now = kNow}).value();
  }
  bool Exists(const std::string& suffix) {
    return file.file_system().Stat(file.path() + suffix).ok();
  }
};

TEST_CASE("A resized file has the points, the old factor and method, and a backup", "[whisper]") {
  Fixture fixture;
  const std::string old_bytes = fixture.file.bytes();
  const Header header = fixture.Run(Backup::kKeep).value();
  CHECK(header.archives.size() == 2);
  CHECK(header.method == AggregationMethod::kSum);
  CHECK(header.x_files_factor == 0.5F);
  CHECK(fixture.FetchNew(kNow - 180).values == std::vector<double>{1, 2, 3});
  CHECK(fixture.FetchNew(kNow - 840).values.front() == 5);
  CHECK(
      base::ReadWholeFile(fixture.file.file_system(), fixture.file.path() + ".bak", 1000).value() ==
      old_bytes);
  CHECK_FALSE(fixture.Exists(".tmp"));
}

TEST_CASE("Without a backup only the new file is left", "[whisper]") {
  Fixture fixture;
  REQUIRE(fixture.Run(Backup::kRemove).ok());
  CHECK_FALSE(fixture.Exists(".bak"));
  CHECK(fixture.FetchNew(kNow - 60).values == std::vector<double>{3});
}

TEST_CASE("Aggregation makes coarse points of fine ones by the method of the new file",
          "[whisper]") {
  Fixture fixture;
  fixture.options.archives = {{120, 20}};
  fixture.options.migration = Migration::kAggregate;
  REQUIRE(fixture.Run(Backup::kRemove).ok());
  CHECK(fixture.FetchNew(kNow - 240).values == std::vector<double>{3, 3});
  CHECK(fixture.FetchNew(kNow - 840).values.front() == 5);
}

TEST_CASE("A resize that is refused leaves the file alone", "[whisper]") {
  Fixture fixture;
  const std::string old_bytes = fixture.file.bytes();
  fixture.options.archives = {{60, 10}, {90, 20}};
  CHECK(absl::IsInvalidArgument(fixture.Run(Backup::kKeep).status()));
  CHECK(fixture.file.bytes() == old_bytes);
  CHECK_FALSE(fixture.Exists(".tmp"));
  CHECK_FALSE(fixture.Exists(".bak"));
}

TEST_CASE("A resize into a file refuses one that exists", "[whisper]") {
  Fixture fixture;
  CHECK(absl::IsAlreadyExists(ResizeInto(fixture.file.file_system(), fixture.file.path(),
                                         fixture.file.path(), fixture.options)
                                  .status()));
}

}  // namespace
}  // namespace plumbago::whisper

// Proves creation, including what a crash leaves behind, and fetch at the edges of the retention.
// Equality with whisper.py on random input is tests/conformance/whisper_differential_test.py.
#include "whisper/file.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/testing/temporary_directory.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;  // a multiple of 60

Header SmallHeader() {
  return MakeHeader({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kAverage).value();
}

absl::StatusOr<Series> FetchFrom(base::File& file, const FetchRange& range) {
  const Header header = SmallHeader();
  BaseTimes base_times;
  return Fetch({file, header, base_times}, range);
}

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  std::string path = directory.path() + "/a/b/c.wsp";

  std::unique_ptr<base::File> CreateSmall() {
    return Create(*file_system, path, SmallHeader(), Existing::kRefuse).value();
  }
};

TEST_CASE("Create makes directories and a file of full size, and no other", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  CHECK(file->Size().value() == 124);
  CHECK(ReadHeader(*file).value() == SmallHeader());
  CHECK(fixture.file_system->ListDirectory(fixture.directory.path() + "/a/b")->size() == 1);
}

TEST_CASE("Create refuses an existing file unless told to replace it", "[whisper]") {
  Fixture fixture;
  fixture.CreateSmall();
  const auto again = Create(*fixture.file_system, fixture.path, SmallHeader(), Existing::kRefuse);
  CHECK(absl::IsAlreadyExists(again.status()));
  CHECK(Create(*fixture.file_system, fixture.path, SmallHeader(), Existing::kReplace).ok());
}

TEST_CASE("Create gets past the temporary file of a crash", "[whisper]") {
  Fixture fixture;
  REQUIRE(fixture.file_system->CreateDirectories(fixture.directory.path() + "/a/b").ok());
  REQUIRE(fixture.file_system->CreateExclusive(fixture.path + ".tmp").ok());
  CHECK(ReadHeader(*fixture.CreateSmall()).ok());
}

TEST_CASE("ReadHeader calls an empty file and one of zeroes unfinished", "[whisper]") {
  Fixture fixture;
  auto file = fixture.file_system->CreateExclusive(fixture.directory.path() + "/x").value();
  CHECK(absl::IsNotFound(ReadHeader(*file).status()));
  REQUIRE(file->Preallocate(124).ok());
  CHECK(absl::IsNotFound(ReadHeader(*file).status()));
}

TEST_CASE("Fetch leaves out from and includes until, at the step of the archive", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const std::vector<Point> points = {{kNow, 1}, {kNow + 60, 2}, {kNow + 120, 3}};
  const Header header = SmallHeader();
  BaseTimes base_times;
  REQUIRE(Updater()
              .UpdateMany({*file, header, base_times}, points, kNow + 120, Duplicates::kLastWins)
              .ok());
  const auto fetch = [&](int64_t from, int64_t until) {
    return FetchFrom(*file, {.from = from, .until = until, .now = kNow + 120}).value();
  };
  const Series all = fetch(kNow - 60, kNow + 120);
  CHECK(all.start == kNow);
  CHECK(all.step == 60);
  CHECK(all.values == std::vector<double>{1, 2, 3});

  const Series one = fetch(kNow + 60, kNow + 60);
  CHECK(one.start == kNow + 120);
  CHECK(one.values == std::vector<double>{3});
}

TEST_CASE("Fetch has no values for a range that no archive can hold", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const auto count = [&](int64_t from, int64_t until) {
    return FetchFrom(*file, {.from = from, .until = until, .now = kNow})->values.size();
  };
  CHECK(count(kNow + 1, kNow + 60) == 0);
  CHECK(count(kNow - 1000, kNow - 481) == 0);
  CHECK(count(kNow - 1000, kNow - 480) == 1);
  CHECK(count(0, 4'000'000'000) == 4);
}

TEST_CASE("Fetch looks back as many points of the step that the range has", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const auto fetch = [&](int64_t from, uint32_t lookback_points) {
    return FetchFrom(*file,
                     {.from = from, .until = kNow, .now = kNow, .lookback_points = lookback_points})
        .value();
  };
  const Series inside = fetch(kNow - 60, 2);
  CHECK(inside.lookback_step == 60);
  CHECK(inside.step == 60);
  CHECK(inside.start == kNow - 120);
  CHECK(inside.values.size() == 3);
  // So far back only the coarser archive reaches.
  const Series coarser = fetch(kNow - 60, 3);
  CHECK(coarser.lookback_step == 60);
  CHECK(coarser.step == 120);
  CHECK(coarser.values.size() == fetch(kNow - 240, 0).values.size());
  CHECK(fetch(kNow - 200, 1).lookback_step == 120);
  CHECK(fetch(kNow - 60, 0).lookback_step == 0);
  CHECK(fetch(kNow - 60, 4'000'000'000).values.size() == 4);
}

TEST_CASE("An empty archive is all missing", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const Series series = FetchFrom(*file, {.from = kNow - 180, .until = kNow, .now = kNow}).value();
  REQUIRE(series.values.size() == 3);
  for (const double value : series.values) CHECK(std::isnan(value));
}

TEST_CASE("A slot that still holds the point of an earlier turn is missing", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const Header header = SmallHeader();
  BaseTimes base_times;
  REQUIRE(Updater().UpdateOne({*file, header, base_times}, {kNow, 1}, kNow).ok());
  const int64_t later = kNow + 180;
  const Series series =
      FetchFrom(*file, {.from = later - 180, .until = later, .now = later}).value();
  for (const double value : series.values) CHECK(std::isnan(value));
}

TEST_CASE("Fetch refuses a range that ends before it begins", "[whisper]") {
  Fixture fixture;
  auto file = fixture.CreateSmall();
  const auto series = FetchFrom(*file, {.from = 2, .until = 1, .now = kNow});
  CHECK(series.status().message() ==
        "Invalid time interval: from time '2' is after until time '1'");
}

}  // namespace
}  // namespace plumbago::whisper

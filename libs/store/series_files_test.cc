// Proves that descriptors are bounded and shared, and what is opened, created and left alone.
#include "store/series_files.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::store {
namespace {

using Origin = SeriesFiles::Origin;

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  const std::function<absl::StatusOr<whisper::Header>()> make_header = [] {
    return whisper::MakeHeader({{60, 10080}}, 0.5F, whisper::AggregationMethod::kAverage);
  };
  SeriesFiles files{*file_system, {.directory = directory.path(), .open_files_max = 32}};

  void Write(const std::string& path, absl::string_view content) {
    const std::string full = directory.path() + "/" + path;
    REQUIRE(file_system->CreateDirectories(full.substr(0, full.rfind('/'))).ok());
    REQUIRE(base::WriteFileAtomically(*file_system, full, content).ok());
  }
};

TEST_CASE("A series is created once, then found in the cache, then opened again", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a.b");
  CHECK(absl::IsNotFound(fixture.files.Open(name).status()));
  const auto created = fixture.files.OpenOrCreate(name, fixture.make_header);
  REQUIRE(created.ok());
  CHECK(created->origin == Origin::kCreated);
  const auto cached = fixture.files.OpenOrCreate(name, fixture.make_header);
  CHECK(cached->origin == Origin::kCached);
  CHECK(cached->file == created->file);
  fixture.files.Forget(name);
  CHECK(fixture.files.Open(name)->origin == Origin::kOpened);
  fixture.files.ForgetAll();
  CHECK(fixture.files.open_count() == 0);
  CHECK(fixture.files.OpenOrCreate(name, fixture.make_header)->origin == Origin::kOpened);
}

TEST_CASE("Open files are bounded, and an evicted one stays usable by its holder", "[store]") {
  Fixture fixture;
  std::vector<std::shared_ptr<SeriesFile>> held;
  for (int i = 0; i < 200; ++i) {
    const SeriesName name("t", absl::StrCat("m", i));
    held.push_back(fixture.files.OpenOrCreate(name, fixture.make_header)->file);
  }
  CHECK(fixture.files.open_count() <= 32);
  for (const auto& file : held) CHECK(file->file->Size().ok());
}

TEST_CASE("The least recently used file is closed first", "[store]") {
  Fixture fixture;
  SeriesFiles files(*fixture.file_system, {.directory = fixture.directory.path(),
                                           .open_files_max = 32});  // two in each of 16 shards
  const SeriesName favourite("t", "favourite");
  REQUIRE(files.OpenOrCreate(favourite, fixture.make_header).ok());
  for (int i = 0; i < 200; ++i) {
    REQUIRE(files.OpenOrCreate(SeriesName("t", absl::StrCat("m", i)), fixture.make_header).ok());
    CHECK(files.Open(favourite)->origin == Origin::kCached);
  }
}

TEST_CASE("A damaged file is DataLoss, names its path and is not touched", "[store]") {
  Fixture fixture;
  fixture.Write("t/a.wsp", "this is no whisper file");
  const auto opened = fixture.files.OpenOrCreate(SeriesName("t", "a"), fixture.make_header);
  CHECK(absl::IsDataLoss(opened.status()));
  CHECK(absl::StrContains(opened.status().message(), "/t/a.wsp"));
  CHECK(base::ReadWholeFile(*fixture.file_system, fixture.directory.path() + "/t/a.wsp", 100)
            .value() == "this is no whisper file");
}

TEST_CASE("What a power cut left of a creation is created again", "[store]") {
  Fixture fixture;
  for (const std::string& remains : {std::string(), std::string(1000, '\0')}) {
    fixture.Write("t/a.wsp", remains);
    CHECK(absl::IsNotFound(fixture.files.Open(SeriesName("t", "a")).status()));
    CHECK(fixture.files.OpenOrCreate(SeriesName("t", "a"), fixture.make_header)->origin ==
          Origin::kCreated);
    fixture.files.ForgetAll();
  }
}

TEST_CASE("Links and directories in place of a file are left alone", "[store]") {
  Fixture fixture;
  fixture.Write("elsewhere.wsp", "x");
  std::filesystem::create_directories(fixture.directory.path() + "/t/d.wsp");
  std::filesystem::create_symlink(fixture.directory.path() + "/elsewhere.wsp",
                                  fixture.directory.path() + "/t/l.wsp");
  CHECK(absl::IsDataLoss(
      fixture.files.OpenOrCreate(SeriesName("t", "l"), fixture.make_header).status()));
  CHECK(absl::IsDataLoss(
      fixture.files.OpenOrCreate(SeriesName("t", "d"), fixture.make_header).status()));
}

TEST_CASE("A name that no file can have is InvalidArgument", "[store]") {
  Fixture fixture;
  CHECK(absl::IsInvalidArgument(
      fixture.files.OpenOrCreate(SeriesName("t", "../a"), fixture.make_header).status()));
}

}  // namespace
}  // namespace plumbago::store

// Proves that descriptors are bounded and shared, and what is opened, created and left alone.
#include "store/series_files.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "whisper/begun_file.h"
#include "whisper/testing/every_fault.h"
#include "whisper/updater.h"

namespace plumbago::store {
namespace {

using Origin = SeriesFiles::Origin;

absl::Status NoFill(const whisper::OpenFile&) { return absl::OkStatus(); }

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
  const auto created = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
  REQUIRE(created.ok());
  CHECK(created->origin == Origin::kCreated);
  const auto cached = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
  CHECK(cached->origin == Origin::kCached);
  CHECK(cached->file == created->file);
  fixture.files.Forget(name);
  CHECK(fixture.files.Open(name)->origin == Origin::kOpened);
  fixture.files.ForgetAll();
  CHECK(fixture.files.open_count() == 0);
  CHECK(fixture.files.OpenOrCreate(name, fixture.make_header, NoFill)->origin == Origin::kOpened);
}

TEST_CASE("Open files are bounded, and an evicted one stays usable by its holder", "[store]") {
  Fixture fixture;
  std::vector<std::shared_ptr<SeriesFile>> held;
  for (int i = 0; i < 200; ++i) {
    const SeriesName name("t", absl::StrCat("m", i));
    held.push_back(fixture.files.OpenOrCreate(name, fixture.make_header, NoFill)->file);
  }
  CHECK(fixture.files.open_count() <= 32);
  for (const auto& file : held) CHECK(file->file().Size().ok());
}

TEST_CASE("The least recently used file is closed first", "[store]") {
  Fixture fixture;
  SeriesFiles files(*fixture.file_system, {.directory = fixture.directory.path(),
                                           .open_files_max = 32});  // two in each of 16 shards
  const SeriesName favourite("t", "favourite");
  REQUIRE(files.OpenOrCreate(favourite, fixture.make_header, NoFill).ok());
  for (int i = 0; i < 200; ++i) {
    REQUIRE(files.OpenOrCreate(SeriesName("t", absl::StrCat("m", i)), fixture.make_header, NoFill)
                .ok());
    CHECK(files.Open(favourite)->origin == Origin::kCached);
  }
}

// The least recently used one is always the next to be needed here.
TEST_CASE("Of more files than may be open, used in turn, some stay open", "[store]") {
  Fixture fixture;  // two in each of 16 shards
  constexpr int kSeriesCount = 100;
  int cached_count = 0;
  for (int turn = 0; turn < 5; ++turn) {
    cached_count = 0;
    for (int i = 0; i < kSeriesCount; ++i) {
      const SeriesName name("t", absl::StrCat("m", i));
      const auto opened = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
      REQUIRE(opened.ok());
      if (opened->origin == Origin::kCached) ++cached_count;
    }
  }
  CHECK(cached_count >= 8);  // half of what could be; none if all newcomers were kept
  CHECK(fixture.files.open_count() <= 32);
}

TEST_CASE("Files that are not used any more give way to others", "[store]") {
  Fixture fixture;
  for (int i = 0; i < 100; ++i) {
    const SeriesName name("t", absl::StrCat("old", i));
    REQUIRE(fixture.files.OpenOrCreate(name, fixture.make_header, NoFill).ok());
  }
  int cached_count = 0;
  for (int turn = 0; turn < 400; ++turn) {
    cached_count = 0;
    for (int i = 0; i < 10; ++i) {
      const SeriesName name("t", absl::StrCat("new", i));
      const auto opened = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
      if (opened->origin == Origin::kCached) ++cached_count;
    }
  }
  CHECK(cached_count >= 8);
}

TEST_CASE("A file in use is not closed for another", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "in_use");
  for (int i = 0; i < 200; ++i) {
    const SeriesName other("t", absl::StrCat("before", i));
    REQUIRE(fixture.files.OpenOrCreate(other, fixture.make_header, NoFill).ok());
  }
  const auto held = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill)->file;
  for (int i = 0; i < 200; ++i) {
    const SeriesName other("t", absl::StrCat("after", i));
    REQUIRE(fixture.files.OpenOrCreate(other, fixture.make_header, NoFill).ok());
    REQUIRE(fixture.files.Open(name)->file == held);
  }
}

TEST_CASE("A damaged file is DataLoss, names its path and is not touched", "[store]") {
  Fixture fixture;
  fixture.Write("t/a.wsp", "this is no whisper file");
  const auto opened = fixture.files.OpenOrCreate(SeriesName("t", "a"), fixture.make_header, NoFill);
  CHECK(absl::IsDataLoss(opened.status()));
  CHECK(absl::StrContains(opened.status().message(), "/t/a.wsp"));
  CHECK(base::ReadWholeFile(*fixture.file_system, fixture.directory.path() + "/t/a.wsp", 100)
            .value() == "this is no whisper file");
}

TEST_CASE("What a power cut left of a creation is set aside, and the series created again",
          "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  const std::string path = fixture.directory.path() + "/t/a.wsp";
  for (const char* kept : {".damaged1", ".damaged2"}) {
    const std::string remains = kept[8] == '1' ? std::string() : std::string(1000, '\0');
    fixture.Write("t/a.wsp", remains);
    CHECK(absl::IsNotFound(fixture.files.Open(name).status()));
    CHECK(fixture.files.damaged().Count("empty") == 1);
    CHECK(fixture.files.OpenOrCreate(name, fixture.make_header, NoFill)->origin ==
          Origin::kCreated);
    CHECK(fixture.files.damaged().Count("empty") == 0);
    CHECK(base::ReadWholeFile(*fixture.file_system, path + kept, 2000).value() == remains);
    fixture.files.ForgetAll();
  }
}

TEST_CASE("A file that is empty again and again is refused in the end", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  for (int i = 1; i <= 9; ++i) fixture.Write(absl::StrCat("t/a.wsp.damaged", i), "");
  fixture.Write("t/a.wsp", "");
  CHECK(absl::IsDataLoss(fixture.files.OpenOrCreate(name, fixture.make_header, NoFill).status()));
  CHECK(fixture.file_system->Stat(fixture.directory.path() + "/t/a.wsp")->size_bytes == 0);
}

TEST_CASE("Links and directories in place of a file are left alone", "[store]") {
  Fixture fixture;
  fixture.Write("elsewhere.wsp", "x");
  std::filesystem::create_directories(fixture.directory.path() + "/t/d.wsp");
  std::filesystem::create_symlink(fixture.directory.path() + "/elsewhere.wsp",
                                  fixture.directory.path() + "/t/l.wsp");
  CHECK(absl::IsDataLoss(
      fixture.files.OpenOrCreate(SeriesName("t", "l"), fixture.make_header, NoFill).status()));
  CHECK(absl::IsDataLoss(
      fixture.files.OpenOrCreate(SeriesName("t", "d"), fixture.make_header, NoFill).status()));
}

TEST_CASE("A name that no file can have is InvalidArgument", "[store]") {
  Fixture fixture;
  CHECK(absl::IsInvalidArgument(
      fixture.files.OpenOrCreate(SeriesName("t", "../a"), fixture.make_header, NoFill).status()));
}

TEST_CASE("An update leaves the other names of a file as they are", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a.b");
  const auto created = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
  REQUIRE(created.ok());
  const std::string path = fixture.directory.path() + "/t/a/b.wsp";
  const std::string other = fixture.directory.path() + "/other";
  REQUIRE(fixture.file_system->Link(path, other).ok());
  CHECK(fixture.files.OpenForUpdate(name)->file == created->file);  // nobody said so
  fixture.files.ExpectNewLinks();
  CHECK(fixture.files.Open(name)->file == created->file);  // to read it, one file will do
  const auto own = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
  REQUIRE(own.ok());
  CHECK(own->origin == Origin::kOpened);
  CHECK(own->file->file().LinkCount().value() == 1);
  CHECK(fixture.file_system->OpenForRead(other).value()->LinkCount().value() == 1);
  CHECK(base::ReadWholeFile(*fixture.file_system, path, 1 << 20).value() ==
        base::ReadWholeFile(*fixture.file_system, other, 1 << 20).value());
  CHECK(fixture.files.OpenForUpdate(name)->file == own->file);
}

// What an opening has read stands for the file; around the end of both rings, with gaps.
TEST_CASE("A file that is opened for each update gets what one gets that stays open", "[store]") {
  Fixture fixture;
  const auto make_header = [] {
    return whisper::MakeHeader({{10, 60}, {60, 20}, {300, 10}}, 0.3F,
                               whisper::AggregationMethod::kSum);
  };
  const SeriesName reopened("t", "reopened");
  const SeriesName kept("t", "kept");
  whisper::Updater updater;
  uint32_t time = 1'700'000'000;
  for (uint32_t round = 0; round < 100; ++round) {
    std::vector<whisper::Point> points;
    for (uint32_t i = 0; i < 1 + round % 31; ++i) {
      time += (round + i) % 7 == 0 ? 30 : 10;
      points.push_back({.time = time, .value = round + 0.5 * i});
    }
    fixture.files.Forget(reopened);
    for (const SeriesName& name : {reopened, kept}) {
      auto opened = fixture.files.OpenOrCreate(name, make_header, NoFill);
      REQUIRE(opened.ok());
      CHECK(opened->opening.beginning.empty() == (opened->origin != Origin::kOpened));
      whisper::BegunFile begun(opened->file->file(), std::move(opened->opening.beginning));
      base::MutexLock lock(opened->file->mutex);
      REQUIRE(
          updater
              .UpdateMany(opened->file->open(begun), points, time, whisper::Duplicates::kLastWins)
              .ok());
    }
    const auto read = [&](const char* name) {
      return base::ReadWholeFile(*fixture.file_system, fixture.directory.path() + name, 1 << 20)
          .value();
    };
    INFO(round);
    REQUIRE(read("/t/reopened.wsp") == read("/t/kept.wsp"));
  }
}

TEST_CASE("A file that a tool has changed in place is read anew when it is opened", "[store]") {
  Fixture fixture;
  const SeriesName name("t", "a");
  const auto created = fixture.files.OpenOrCreate(name, fixture.make_header, NoFill);
  REQUIRE(created.ok());
  whisper::Header changed = created->file->header();
  changed.method = whisper::AggregationMethod::kMax;
  REQUIRE(whisper::WriteMetadata(created->file->file(), changed).ok());
  fixture.files.ForgetAll();
  CHECK(fixture.files.OpenForUpdate(name)->file->header() == changed);
}

TEST_CASE("A copy that cannot be made leaves the file and its other names", "[store]") {
  base::testing::TemporaryDirectory directory;
  const auto real = base::MakePosixFileSystem();
  const auto make_header = [] {
    return whisper::MakeHeader({{60, 10080}}, 0.5F, whisper::AggregationMethod::kAverage);
  };
  const SeriesName name("t", "a");
  const size_t fault_count =
      whisper::testing::ForEveryFault([&](const base::testing::FaultFileSystem::Plan& plan) {
        const base::testing::TemporaryDirectory round;
        const std::string path = round.path() + "/t/a.wsp";
        REQUIRE(SeriesFiles(*real, {.directory = round.path()})
                    .OpenOrCreate(name, make_header, NoFill)
                    .ok());
        REQUIRE(real->Link(path, round.path() + "/other").ok());
        const std::string content = base::ReadWholeFile(*real, path, 1 << 20).value();
        base::testing::FaultFileSystem faults(*real);
        SeriesFiles files(faults, {.directory = round.path()});
        faults.Set(plan);
        const auto opened = files.OpenForUpdate(name);
        const bool has_failed = faults.has_failed();
        CHECK((opened.ok() || has_failed));
        CHECK(base::ReadWholeFile(*real, path, 1 << 20).value() == content);
        CHECK(base::ReadWholeFile(*real, round.path() + "/other", 1 << 20).value() == content);
        faults.Set({});
        const auto again = files.OpenForUpdate(name);
        REQUIRE(again.ok());
        CHECK(again->file->file().LinkCount().value() == 1);
        return has_failed;
      });
  CHECK(fault_count >= 6 * 6);
}

}  // namespace
}  // namespace plumbago::store

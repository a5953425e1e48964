// Proves which files of other tools become series, and that series without a file leave the index.
#include "store/tree_scan.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/testing/temporary_directory.h"
#include "store/name_list.h"
#include "store/series_name.h"

namespace plumbago::store {
namespace {

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();

  void Touch(const std::string& path) {
    const std::filesystem::path full = directory.path() + "/" + path;
    std::filesystem::create_directories(full.parent_path());
    REQUIRE(file_system->CreateExclusive(full).ok());
  }

  ScanResult Scan(const std::function<bool()>& should_stop = [] { return false; }) {
    return ScanTree(*file_system, directory.path(), *index, should_stop).value();
  }
};

TEST_CASE("Whisper files below a tenant's directory become series", "[store]") {
  Fixture fixture;
  fixture.Touch("t/a.wsp");
  fixture.Touch("t/a/b/c.wsp");
  fixture.Touch("u/a.wsp");
  const ScanResult result = fixture.Scan();
  CHECK(result.added_count == 3);
  CHECK(fixture.index->Contains("t", "a"));
  CHECK(fixture.index->Contains("t", "a.b.c"));
  CHECK(fixture.index->Contains("u", "a"));
  CHECK(fixture.Scan().added_count == 0);
}

TEST_CASE("Files that no series can have are passed over", "[store]") {
  Fixture fixture;
  fixture.Touch("outside.wsp");
  fixture.Touch(".hidden/a.wsp");
  fixture.Touch("t/a.wsp.tmp");
  fixture.Touch("t/readme.txt");
  fixture.Touch("t/a.b.wsp");
  fixture.Touch("t/_tagged/abc/def/abcdef.wsp");
  const ScanResult result = fixture.Scan();
  CHECK(result.added_count == 0);
  CHECK(result.ignored_count == 1);
  CHECK(fixture.index->Tenants().empty());
}

TEST_CASE("Symbolic links are not followed", "[store]") {
  Fixture fixture;
  fixture.Touch("t/a/b.wsp");
  std::filesystem::create_symlink("a", fixture.directory.path() + "/t/loop");
  std::filesystem::create_symlink("b.wsp", fixture.directory.path() + "/t/a/link.wsp");
  CHECK(fixture.Scan().added_count == 1);
}

TEST_CASE("A series whose file is gone leaves the index", "[store]") {
  Fixture fixture;
  fixture.Touch("t/a.wsp");
  fixture.Touch("t/b.wsp");
  fixture.Scan();
  std::filesystem::remove(fixture.directory.path() + "/t/a.wsp");
  CHECK(fixture.Scan().removed_count == 1);
  CHECK_FALSE(fixture.index->Contains("t", "a"));
  CHECK(fixture.index->Contains("t", "b"));
}

TEST_CASE("A scan notes size and time of every series' file", "[store]") {
  Fixture fixture;
  const auto file = [&](const std::string& path) { return fixture.directory.path() + "/" + path; };
  const std::string tagged = "cpu;host=a";
  const std::string tagged_path = SeriesPath(SeriesName("t", tagged)).value();
  fixture.Touch("t/a.wsp");
  fixture.Touch(tagged_path);
  std::filesystem::resize_file(file("t/a.wsp"), 100);
  REQUIRE(fixture.index->Add("t", tagged).ok());
  fixture.Scan();
  const auto info = fixture.index->Get("t", "a");
  REQUIRE(info.has_value());
  CHECK(info->file_bytes == 100);
  CHECK(info->last_update_unix_seconds ==
        fixture.file_system->Stat(file("t/a.wsp"))->modified_unix_seconds);
  CHECK(fixture.index->Get("t", tagged)->last_update_unix_seconds > 0);

  std::filesystem::resize_file(file("t/a.wsp"), 200);
  std::filesystem::resize_file(file(tagged_path), 50);
  fixture.Scan();
  CHECK(fixture.index->UsageOf("t", "").file_bytes == 250);
}

TEST_CASE("A scan of a missing directory finds nothing", "[store]") {
  Fixture fixture;
  const auto result = ScanTree(*fixture.file_system, fixture.directory.path() + "/none",
                               *fixture.index, [] { return false; });
  CHECK(result->file_count == 0);
}

// Scans with a memory, one after the other: long after the changes before it, or right then.
struct RememberingFixture : Fixture {
  SeenDirectories seen;
  std::string directory_path(const std::string& path) { return directory.path() + "/" + path; }

  static constexpr int64_t kLongAfter = int64_t{1} << 32;  // as seconds of Unix: the year 2106
  static constexpr int64_t kBefore = 0;

  ScanResult ScanChanges(int64_t now_unix_seconds = kLongAfter) {
    seen.Begin(now_unix_seconds);
    return ScanTree(*file_system, directory.path(), *index, [] { return false; }, {.seen = &seen})
        .value();
  }
};

TEST_CASE("A scan looks only into directories that have changed", "[store]") {
  RememberingFixture fixture;
  fixture.Touch("t/a/b.wsp");
  fixture.Touch("t/c/d.wsp");
  CHECK(fixture.ScanChanges().file_count == 2);
  CHECK(fixture.ScanChanges().file_count == 0);
  fixture.Touch("t/a/e.wsp");
  const ScanResult changed = fixture.ScanChanges();
  CHECK(changed.file_count == 2);  // b and e
  CHECK(changed.added_count == 1);
  CHECK(fixture.ScanChanges().file_count == 0);
  fixture.seen.Clear();
  CHECK(fixture.ScanChanges().file_count == 3);
}

TEST_CASE("A scan of changes finds what was added at any depth, and what is gone", "[store]") {
  RememberingFixture fixture;
  fixture.Touch("t/a/b/c.wsp");
  fixture.Touch("t/a/b/d/e.wsp");
  fixture.Touch("t/f/g.wsp");
  std::filesystem::create_directories(fixture.directory_path("t/empty/below"));
  fixture.ScanChanges();
  fixture.ScanChanges();
  fixture.Touch("t/empty/below/h.wsp");  // no series was there, so the index cannot lead to it
  fixture.Touch("u/i.wsp");
  std::filesystem::remove(fixture.directory_path("t/a/b/c.wsp"));
  std::filesystem::remove_all(fixture.directory_path("t/f"));
  const ScanResult result = fixture.ScanChanges();
  CHECK(result.added_count == 2);
  CHECK(result.removed_count == 2);
  CHECK(fixture.index->Contains("t", "empty.below.h"));
  CHECK(fixture.index->Contains("u", "i"));
  CHECK(fixture.index->Contains("t", "a.b.d.e"));
  CHECK_FALSE(fixture.index->Contains("t", "a.b.c"));
  CHECK_FALSE(fixture.index->Contains("t", "f.g"));
}

TEST_CASE("A file that another one replaced is seen by a scan of changes", "[store]") {
  struct Observer final : ScanObserver {
    void OnSeries(const SeriesName& name, const base::FileInfo&) override {
      seen.emplace_back(name.metric());
    }
    void OnMissing(const SeriesName&) override {}
    std::vector<std::string> seen;
  } observer;
  RememberingFixture fixture;
  fixture.Touch("t/a/b.wsp");
  fixture.Touch("t/c/d.wsp");
  fixture.ScanChanges();
  fixture.Touch("t/c/d.wsp.new");
  REQUIRE(fixture.file_system
              ->Rename(fixture.directory_path("t/c/d.wsp.new"), fixture.directory_path("t/c/d.wsp"))
              .ok());
  fixture.seen.Begin(RememberingFixture::kLongAfter);
  REQUIRE(ScanTree(*fixture.file_system, fixture.directory.path(), *fixture.index,
                   [] { return false; }, {.observer = &observer, .seen = &fixture.seen})
              .ok());
  CHECK(observer.seen == std::vector<std::string>{"c.d"});
}

// One tick of the kernel's clock may have a scan and a change after it.
TEST_CASE("A directory that changed shortly before a scan is looked into again", "[store]") {
  RememberingFixture fixture;
  fixture.Touch("t/a/b.wsp");
  fixture.ScanChanges(RememberingFixture::kBefore);
  CHECK(fixture.ScanChanges().file_count == 1);
  CHECK(fixture.ScanChanges().file_count == 0);
}

TEST_CASE("A scan that was ended early is no reason to pass over a directory", "[store]") {
  RememberingFixture fixture;
  fixture.Touch("t/a/b.wsp");
  int asked_count = 0;
  fixture.seen.Begin(RememberingFixture::kLongAfter);
  REQUIRE(ScanTree(*fixture.file_system, fixture.directory.path(), *fixture.index,
                   [&] { return ++asked_count > 1; }, {.seen = &fixture.seen})
              .ok());
  CHECK(fixture.ScanChanges().added_count == 1);
}

TEST_CASE("A scan ends when told to", "[store]") {
  Fixture fixture;
  fixture.Touch("t/a.wsp");
  CHECK(fixture.Scan([] { return true; }).file_count == 0);
}

TEST_CASE("Tagged series are found by the list of their names", "[store]") {
  Fixture fixture;
  const std::string names = fixture.directory.path() + "/t/_tagged/names";
  const std::vector<std::string> tagged = {"cpu;host=a", "cpu;host=b", "cpu;host=gone"};
  REQUIRE(AppendNames(*fixture.file_system, names, tagged).ok());
  REQUIRE(AppendNames(*fixture.file_system, names, tagged).ok());  // made, deleted, made again
  fixture.Touch(SeriesPath(SeriesName("t", tagged[0])).value());
  fixture.Touch(SeriesPath(SeriesName("t", tagged[1])).value());
  const ScanResult result = fixture.Scan();
  CHECK(result.added_count == 2);
  CHECK(fixture.index->Contains("t", "cpu;host=a"));
  CHECK(fixture.index->Contains("t", "cpu;host=b"));
  CHECK_FALSE(fixture.index->Contains("t", "cpu;host=gone"));
  CHECK(fixture.Scan().added_count == 0);
}

}  // namespace
}  // namespace plumbago::store

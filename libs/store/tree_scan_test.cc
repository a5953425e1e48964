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

// Proves that a set tells what it is and which series it has, and that half a set is not shown.
#include "store/series_set.h"

#include <catch2/catch.hpp>

#include "base/testing/temporary_directory.h"

namespace plumbago::store {
namespace {

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  SeriesSet set{*file_system, directory.path() + "/t/one"};

  void Add(const std::string& metric, const std::string& content) {
    REQUIRE(set.AddNames(std::vector<std::string>{metric}).ok());
    const std::string from = directory.path() + "/file";
    REQUIRE(file_system->Append(from, content).ok());
    REQUIRE(RenameInto(*file_system, from, set.PathOf(SeriesName("t", metric)).value()).ok());
  }
  size_t ListedCount() { return ListSeriesSets(*file_system, directory.path() + "/t")->size(); }
};

TEST_CASE("A set gives back its description and its series", "[store]") {
  Fixture fixture;
  CHECK(fixture.ListedCount() == 0);
  fixture.Add("a.b", "12345");
  fixture.Add("disk;k=v", "123");
  REQUIRE(fixture.set.AddNames(std::vector<std::string>{"a.b", "not.there"}).ok());
  CHECK(fixture.ListedCount() == 0);
  CHECK(absl::IsNotFound(fixture.set.ReadAbout().status()));
  REQUIRE(fixture.set
              .WriteAbout({.name = {},
                           .description = "delete a.*\nnow",
                           .created_unix_seconds = 17,
                           .series_count = 2,
                           .file_bytes = 8})
              .ok());
  CHECK(fixture.ListedCount() == 1);
  const auto about = fixture.set.ReadAbout();
  REQUIRE(about.ok());
  CHECK(about->name == "one");
  CHECK(about->description == "delete a.* now");
  CHECK(about->created_unix_seconds == 17);
  CHECK(about->series_count == 2);
  CHECK(about->file_bytes == 8);
  std::vector<std::string> metrics;
  uint64_t file_bytes = 0;
  REQUIRE(fixture.set
              .ForEach("t",
                       [&](const SeriesName& name, uint64_t size) {
                         metrics.emplace_back(name.metric());
                         file_bytes += size;
                         return true;
                       })
              .ok());
  CHECK(metrics == std::vector<std::string>{"a.b", "disk;k=v"});
  CHECK(file_bytes == 8);
  REQUIRE(fixture.set.Remove().ok());
  CHECK(absl::IsNotFound(fixture.file_system->Stat(fixture.set.directory()).status()));
  CHECK(fixture.set.Remove().ok());
}

TEST_CASE("A damaged description is DataLoss, and the set is passed over in a list", "[store]") {
  Fixture fixture;
  REQUIRE(fixture.file_system->CreateDirectories(fixture.set.directory()).ok());
  for (const char* text :
       {"", "junk", "plumbago series set 2\n", "plumbago series set 1\nbytes x\n"}) {
    REQUIRE(
        base::WriteFileAtomically(*fixture.file_system, fixture.set.directory() + "/about", text)
            .ok());
    CHECK(absl::IsDataLoss(fixture.set.ReadAbout().status()));
    CHECK(fixture.ListedCount() == 0);
  }
}

TEST_CASE("Names of sets are short, lower-case and no path", "[store]") {
  for (const char* name : {"a", "before-upgrade-7", "20240501t120000z-3"})
    CHECK(CheckSetName(name).ok());
  for (const char* name : {"", ".", "..", "a/b", "A", "a_b"}) {
    CHECK(absl::IsInvalidArgument(CheckSetName(name)));
  }
  CHECK(CheckSetName(std::string(63, 'a')).ok());
  CHECK_FALSE(CheckSetName(std::string(64, 'a')).ok());
}

}  // namespace
}  // namespace plumbago::store

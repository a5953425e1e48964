// Proves that names come back as they were appended, past torn lines and whatever else a crash or
// another hand has left in the file.
#include "store/name_list.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"
#include "store/series_name.h"

namespace plumbago::store {
namespace {

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  const std::string path = directory.path() + "/_tagged/names";

  std::vector<std::string> Read() {
    std::vector<std::string> names;
    REQUIRE(ReadNames(*file_system, path, [&](absl::string_view name) {
              names.emplace_back(name);
              return true;
            }).ok());
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_CASE("Names come back in the order in which they were appended", "[store]") {
  Fixture fixture;
  CHECK(fixture.Read().empty());
  REQUIRE(AppendNames(*fixture.file_system, fixture.path, Names{"b;k=v", "a;k=v"}).ok());
  REQUIRE(AppendNames(*fixture.file_system, fixture.path, Names{"b;k=v"}).ok());
  CHECK(fixture.Read() == Names{"b;k=v", "a;k=v", "b;k=v"});
}

TEST_CASE("A torn line does not spoil the name after it", "[store]") {
  Fixture fixture;
  const std::string text = "\na;k=v\nb;k=v\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    REQUIRE(AppendNames(*fixture.file_system, fixture.path, {}).ok());
    REQUIRE(
        base::WriteFileAtomically(*fixture.file_system, fixture.path, text.substr(0, cut)).ok());
    REQUIRE(AppendNames(*fixture.file_system, fixture.path, Names{"c;k=v"}).ok());
    CHECK(fixture.Read().back() == "c;k=v");
    CHECK((cut < 7 || fixture.Read().front() == "a;k=v"));
  }
}

TEST_CASE("Many long names are read in pieces, and lines that are no names passed over",
          "[store]") {
  Fixture fixture;
  Names names;
  for (int i = 0; i < 1000; ++i) {
    names.push_back(absl::StrCat("m", i, ";k=", std::string(static_cast<size_t>(i), 'x')));
  }
  REQUIRE(AppendNames(*fixture.file_system, fixture.path, names).ok());
  for (const std::string& junk : {std::string(kMetricBytesMax + 1, 'y'), std::string(3 << 20, 'z'),
                                  std::string(100, '\0'), std::string("a\tb")}) {
    REQUIRE(fixture.file_system->Append(fixture.path, junk + "\n").ok());
  }
  REQUIRE(AppendNames(*fixture.file_system, fixture.path, Names{"last;k=v"}).ok());
  names.emplace_back("last;k=v");
  CHECK(fixture.Read() == names);
}

}  // namespace
}  // namespace plumbago::store

// Proves that the fake of a power cut keeps what was synced, loses any part of the rest, and only
// that.
#include "base/testing/power_loss_file_system.h"

#include <catch2/catch.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::base::testing {
namespace {

constexpr int kSeeds = 50;

struct Fixture {
  TemporaryDirectory directory;
  TemporaryDirectory graveyard;
  std::unique_ptr<FileSystem> real = MakePosixFileSystem();
  PowerLossFileSystem disk{*real, directory.path(), graveyard.path()};
  std::string path = directory.path() + "/a";

  std::string Content() { return ReadWholeFile(*real, path, 1 << 20).value(); }
};

TEST_CASE("What was synced with its directory survives every power cut", "[base]") {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fixture f;
    const auto file = f.disk.CreateExclusive(f.path).value();
    REQUIRE(file->WriteAt(0, std::string(3000, 'x')).ok());
    REQUIRE(file->Sync().ok());
    REQUIRE(f.disk.SyncDirectory(f.directory.path()).ok());
    std::mt19937_64 random(seed);
    f.disk.PowerLoss(random);
    CHECK(f.Content() == std::string(3000, 'x'));
  }
}

TEST_CASE("Bytes that were not synced are there, gone, or there in part", "[base]") {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fixture f;
    const auto file = f.disk.CreateExclusive(f.path).value();
    REQUIRE(file->WriteAt(0, std::string(1024, 'o')).ok());
    REQUIRE(f.disk.SyncFileSystem(f.path).ok());
    REQUIRE(file->WriteAt(0, std::string(1024, 'n')).ok());
    std::mt19937_64 random(seed);
    f.disk.PowerLoss(random);
    outcomes.insert(f.Content());
  }
  const std::string o(512, 'o');
  const std::string n(512, 'n');
  CHECK(outcomes == std::set<std::string>{o + o, o + n, n + o, n + n});
}

TEST_CASE("A file that grew keeps its old size, its new one, or one between", "[base]") {
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fixture f;
    const auto file = f.disk.CreateExclusive(f.path).value();
    REQUIRE(file->WriteAt(0, "12345").ok());
    REQUIRE(f.disk.SyncFileSystem(f.path).ok());
    REQUIRE(file->WriteAt(5, "67890").ok());
    std::mt19937_64 random(seed);
    f.disk.PowerLoss(random);
    const std::string content = f.Content();
    CHECK(content.substr(0, 5) == "12345");
    sizes.insert(content.size());
  }
  CHECK(*sizes.begin() == 5);
  CHECK(*sizes.rbegin() == 10);
  CHECK(sizes.size() > 2);
}

TEST_CASE("A name whose directory was not synced may be the old one", "[base]") {
  int old_count = 0;
  int new_count = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fixture f;
    REQUIRE(f.disk.Append(f.path, "old").ok());
    REQUIRE(f.disk.Append(f.path + ".new", "new").ok());
    REQUIRE(f.disk.SyncFileSystem(f.path).ok());
    REQUIRE(f.disk.Rename(f.path + ".new", f.path).ok());  // replaces, as one change
    std::mt19937_64 random(seed);
    f.disk.PowerLoss(random);
    const std::string content = f.Content();
    CHECK((content == "old" || content == "new"));
    (content == "old" ? old_count : new_count)++;
  }
  CHECK(old_count > 0);
  CHECK(new_count > 0);
}

TEST_CASE("A removed file may come back, with what it held", "[base]") {
  int back_count = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fixture f;
    REQUIRE(f.disk.Append(f.path, "x").ok());
    REQUIRE(f.disk.SyncFileSystem(f.path).ok());
    REQUIRE(f.disk.Remove(f.path).ok());
    CHECK(absl::IsNotFound(f.disk.Stat(f.path).status()));
    std::mt19937_64 random(seed);
    f.disk.PowerLoss(random);
    if (!f.real->Stat(f.path).ok()) continue;
    ++back_count;
    CHECK(f.Content() == "x");
  }
  CHECK(back_count > 0);
  CHECK(back_count < kSeeds);
}

}  // namespace
}  // namespace plumbago::base::testing

// Proves that the fake of a failing disk fails the call it is told to, and how.
#include "base/testing/fault_file_system.h"

#include <catch2/catch.hpp>

#include "base/testing/temporary_directory.h"

namespace plumbago::base::testing {
namespace {

struct Fixture {
  TemporaryDirectory directory;
  std::unique_ptr<FileSystem> real = MakePosixFileSystem();
  FaultFileSystem faults{*real};
  std::string path = directory.path() + "/a";
};

TEST_CASE("The n-th call of the chosen kinds fails, and the others work", "[base]") {
  Fixture fixture;
  const auto file = fixture.faults.CreateExclusive(fixture.path).value();
  fixture.faults.Set({.nth = 2, .kinds = FaultFileSystem::kWrite});
  CHECK(file->WriteAt(0, "a").ok());
  CHECK(file->Size().ok());
  CHECK_FALSE(fixture.faults.has_failed());
  CHECK(absl::IsUnavailable(file->WriteAt(1, "b")));
  CHECK(fixture.faults.has_failed());
  CHECK(file->WriteAt(1, "c").ok());
  CHECK(ReadWholeFile(*fixture.real, fixture.path, 10).value() == "ac");
}

TEST_CASE("A short write leaves half of the bytes and says that the disk is full", "[base]") {
  Fixture fixture;
  const auto file = fixture.faults.CreateExclusive(fixture.path).value();
  fixture.faults.Set({.nth = 1, .fault = FaultFileSystem::Fault::kShortWrite});
  CHECK(absl::IsResourceExhausted(file->WriteAt(0, "abcd")));
  CHECK(ReadWholeFile(*fixture.real, fixture.path, 10).value() == "ab");
}

TEST_CASE("After death nothing works, until the next plan", "[base]") {
  Fixture fixture;
  fixture.faults.Set(
      {.nth = 1, .kinds = FaultFileSystem::kCreate, .after = FaultFileSystem::After::kDead});
  CHECK(absl::IsNotFound(fixture.faults.Stat(fixture.path).status()));
  CHECK_FALSE(fixture.faults.CreateExclusive(fixture.path).ok());
  CHECK(absl::IsUnavailable(fixture.faults.Stat(fixture.path).status()));
  CHECK_FALSE(fixture.faults.Remove(fixture.path).ok());
  fixture.faults.Set({});
  CHECK(fixture.faults.CreateExclusive(fixture.path).ok());
}

}  // namespace
}  // namespace plumbago::base::testing

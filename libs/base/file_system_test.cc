// Proves that the POSIX file system reports the codes that its header promises and that
// WriteFileAtomically replaces or leaves the old content, on a temporary directory.
#include "base/file_system.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/testing/temporary_directory.h"

namespace plumbago::base {
namespace {

TEST_CASE("WriteFileAtomically replaces the content and leaves no temporary file", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/snapshot.pb";
  REQUIRE(WriteFileAtomically(*file_system, path, "old").ok());
  REQUIRE(WriteFileAtomically(*file_system, path, "new").ok());
  CHECK(ReadWholeFile(*file_system, path, 100).value() == "new");
  CHECK(file_system->ListDirectory(directory.path())->size() == 1);
}

TEST_CASE("WriteFileAtomically gets past the temporary file of a crash", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/snapshot.pb";
  REQUIRE(file_system->CreateExclusive(path + ".tmp").ok());
  CHECK(WriteFileAtomically(*file_system, path, "new").ok());
}

TEST_CASE("Opening a missing file is NotFound and names the path", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/missing";
  const absl::Status status = file_system->OpenForRead(path).status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(status.message().find(path) != absl::string_view::npos);
}

TEST_CASE("CreateExclusive refuses an existing path", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/a";
  REQUIRE(file_system->CreateExclusive(path).ok());
  CHECK(absl::IsAlreadyExists(file_system->CreateExclusive(path).status()));
}

TEST_CASE("ReadAt returns fewer bytes only at the end of the file", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  auto file = file_system->CreateExclusive(directory.path() + "/a").value();
  REQUIRE(file->WriteAt(0, "0123456789").ok());
  char buffer[16];
  CHECK(file->ReadAt(6, buffer, 16).value() == 4);
  CHECK(absl::string_view(buffer, 4) == "6789");
  CHECK(file->ReadAt(10, buffer, 16).value() == 0);
}

TEST_CASE("Preallocate makes the file long and zero", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  auto file = file_system->CreateExclusive(directory.path() + "/a").value();
  REQUIRE(file->Preallocate(100).ok());
  CHECK(file->Size().value() == 100);
  char buffer[100];
  REQUIRE(file->ReadAt(0, buffer, 100).value() == 100);
  CHECK(absl::string_view(buffer, 100) == std::string(100, '\0'));
}

TEST_CASE("ReadWholeFile refuses a file above its bound", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/a";
  REQUIRE(WriteFileAtomically(*file_system, path, "12345").ok());
  CHECK(ReadWholeFile(*file_system, path, 5).ok());
  CHECK(absl::IsResourceExhausted(ReadWholeFile(*file_system, path, 4).status()));
}

TEST_CASE("A link is a second name of the file, and a copy is a file of its own", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/a";
  REQUIRE(WriteFileAtomically(*file_system, path, "old").ok());
  REQUIRE(file_system->Link(path, path + "2").ok());
  CHECK(absl::IsAlreadyExists(file_system->Link(path, path + "2")));
  CHECK(absl::IsNotFound(file_system->Link(path + "0", path + "4")));
  REQUIRE(CopyFile(*file_system, path, path + "3", Durability::kSynced).ok());
  CHECK(absl::IsAlreadyExists(CopyFile(*file_system, path, path + "3", Durability::kNotSynced)));
  auto file = file_system->OpenForUpdate(path).value();
  CHECK(file->LinkCount().value() == 2);
  REQUIRE(file->WriteAt(0, "new").ok());
  CHECK(ReadWholeFile(*file_system, path + "2", 100).value() == "new");
  CHECK(ReadWholeFile(*file_system, path + "3", 100).value() == "old");
  CHECK(file_system->OpenForRead(path + "3").value()->LinkCount().value() == 1);
}

TEST_CASE("The time of a file can be set to what it was", "[base]") {
  const testing::TemporaryDirectory directory;
  const auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/a";
  REQUIRE(file_system->Append(path, "x").ok());
  REQUIRE(file_system->SetModifiedTime(path, 1'500'000'000).ok());
  CHECK(file_system->Stat(path)->modified_unix_seconds == 1'500'000'000);
  CHECK(absl::IsNotFound(file_system->SetModifiedTime(path + "b", 1)));
}

TEST_CASE("Append makes a file and adds to it", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string path = directory.path() + "/names";
  REQUIRE(file_system->Append(path, "a\n").ok());
  REQUIRE(file_system->Append(path, "b\n").ok());
  CHECK(ReadWholeFile(*file_system, path, 100).value() == "a\nb\n");
  CHECK(absl::IsNotFound(file_system->Append(directory.path() + "/x/names", "a")));
}

TEST_CASE("RemoveTree removes a directory and follows no link", "[base]") {
  testing::TemporaryDirectory directory;
  auto file_system = MakePosixFileSystem();
  const std::string tree = directory.path() + "/tree";
  REQUIRE(file_system->CreateDirectories(tree + "/a/b").ok());
  REQUIRE(file_system->CreateDirectories(directory.path() + "/kept").ok());
  REQUIRE(file_system->Append(directory.path() + "/kept/file", "x").ok());
  REQUIRE(file_system->Append(tree + "/a/b/file", "x").ok());
  std::filesystem::create_directory_symlink(directory.path() + "/kept", tree + "/a/link");
  CHECK(absl::IsUnavailable(file_system->RemoveDirectory(tree)));
  CHECK(RemoveTree(*file_system, tree).ok());
  CHECK(absl::IsNotFound(file_system->Stat(tree).status()));
  CHECK(file_system->Stat(directory.path() + "/kept/file").ok());
  CHECK(RemoveTree(*file_system, tree).ok());
}

}  // namespace
}  // namespace plumbago::base

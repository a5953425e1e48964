// Proves that nothing outside of a Directory can be reached through it, by the kernel's resolution
// and by our own, on a real tree with links planted in it.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>

#include "base/file_system.h"
#include "base/status.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::base {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  explicit Fixture(PathResolution resolution) : file_system(MakePosixFileSystem(resolution)) {
    fs::create_directories(top + "/inside/a");
    fs::create_directories(top + "/outside");
    for (const char* path : {"/inside/a/file", "/outside/secret"}) {
      REQUIRE(WriteFileAtomically(*file_system, top + path, path).ok());
    }
    directory = file_system->OpenDirectory(top + "/inside").value();
  }

  testing::TemporaryDirectory temporary;
  const std::string top = temporary.path();
  std::unique_ptr<FileSystem> file_system;
  std::unique_ptr<Directory> directory;
};

PathResolution AnyResolution() {
  return GENERATE(PathResolution::kKernel, PathResolution::kByNode);
}

TEST_CASE("Files and directories beneath a directory are opened", "[base]") {
  Fixture fixture(AnyResolution());
  CHECK(fixture.directory->OpenForUpdate("a/file").ok());
  const auto below = fixture.directory->OpenDirectory("a");
  REQUIRE(below.ok());
  CHECK((*below)->OpenForUpdate("file").ok());
  CHECK(absl::IsNotFound(fixture.directory->OpenForUpdate("a/none").status()));
  CHECK(absl::IsNotFound(fixture.directory->OpenForUpdate("none/file").status()));
  CHECK(absl::IsNotFound(fixture.directory->OpenDirectory("none").status()));
}

TEST_CASE("A path that leads out is refused", "[base]") {
  Fixture fixture(AnyResolution());
  for (const std::string& path :
       {std::string("../outside/secret"), std::string("a/../../outside/secret"),
        fixture.top + "/outside/secret"}) {
    INFO(path);
    CHECK(absl::IsDataLoss(fixture.directory->OpenForUpdate(path).status()));
  }
  CHECK_FALSE(fixture.directory->OpenDirectory("..").ok());
  CHECK_FALSE(fixture.directory->OpenForUpdate(std::string("a/file\0x", 8)).ok());
}

TEST_CASE("A link is not followed, in place of a file, of a directory, or inside", "[base]") {
  Fixture fixture(AnyResolution());
  fs::create_symlink("../../outside/secret", fixture.top + "/inside/a/link");
  fs::create_symlink("file", fixture.top + "/inside/a/near");
  fs::create_directory_symlink("../outside", fixture.top + "/inside/linked");
  for (const char* path : {"a/link", "a/near", "linked/secret"}) {
    INFO(path);
    const absl::Status status = fixture.directory->OpenForUpdate(path).status();
    CHECK(absl::IsDataLoss(status));
    CHECK(status.message().find("symbolic link") != absl::string_view::npos);
  }
  CHECK(absl::IsDataLoss(fixture.directory->OpenDirectory("linked").status()));
}

TEST_CASE("What is no regular file is refused and does not block", "[base]") {
  Fixture fixture(AnyResolution());
  REQUIRE(mkfifo((fixture.top + "/inside/pipe").c_str(), 0600) == 0);
  for (const char* path : {"a", "pipe", "a/file/below"}) {
    INFO(path);
    CHECK(absl::IsDataLoss(fixture.directory->OpenForUpdate(path).status()));
  }
}

TEST_CASE("A name too long for the file system is the caller's fault", "[base]") {
  Fixture fixture(AnyResolution());
  CHECK(absl::IsInvalidArgument(fixture.directory->OpenForUpdate(std::string(300, 'a')).status()));
}

TEST_CASE("Changes take one node, and a rename replaces nothing", "[base]") {
  Fixture fixture(AnyResolution());
  for (const char* name : {"", ".", "..", "a/b", "/a"}) {
    INFO(name);
    CHECK(absl::IsInvalidArgument(fixture.directory->CreateExclusive(name).status()));
    CHECK(absl::IsInvalidArgument(fixture.directory->CreateDirectory(name)));
    CHECK(absl::IsInvalidArgument(fixture.directory->Rename("a", name)));
    CHECK(absl::IsInvalidArgument(fixture.directory->Remove(name)));
  }
  REQUIRE(fixture.directory->CreateDirectory("b").ok());
  CHECK(fixture.directory->CreateDirectory("b").ok());
  REQUIRE(fixture.directory->CreateExclusive("one").ok());
  CHECK(absl::IsAlreadyExists(fixture.directory->CreateExclusive("one").status()));
  REQUIRE(fixture.directory->CreateExclusive("two").ok());
  CHECK(absl::IsAlreadyExists(fixture.directory->Rename("one", "two")));
  CHECK(fixture.directory->Rename("one", "three").ok());
  CHECK(fixture.directory->Remove("three").ok());
  CHECK(absl::IsNotFound(fixture.directory->Remove("three")));
}

TEST_CASE("A link planted under the name of a new file is not written through", "[base]") {
  Fixture fixture(AnyResolution());
  fs::create_symlink("../outside/new", fixture.top + "/inside/new");
  CHECK(absl::IsAlreadyExists(fixture.directory->CreateExclusive("new").status()));
  CHECK_FALSE(fs::exists(fixture.top + "/outside/new"));
}

TEST_CASE("A full disk is told from other limits, also with context", "[base]") {
  CHECK(IsDiskFull(ErrnoStatus(ENOSPC, "write a")));
  CHECK(IsDiskFull(Annotate(ErrnoStatus(EDQUOT, "write a"), "series")));
  CHECK_FALSE(IsDiskFull(ErrnoStatus(EMFILE, "open a")));
  CHECK_FALSE(IsDiskFull(absl::OkStatus()));
}

TEST_CASE("The space of a disk is free and total bytes", "[base]") {
  Fixture fixture(PathResolution::kKernel);
  const auto space = fixture.file_system->Space(fixture.top);
  REQUIRE(space.ok());
  CHECK(space->total_bytes > 0);
  CHECK(space->free_bytes <= space->total_bytes);
  CHECK(absl::IsNotFound(fixture.file_system->Space(fixture.top + "/none").status()));
}

}  // namespace
}  // namespace plumbago::base

// Proves when a store stops to take points and when it takes them again.
#include "store/disk_guard.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "absl/strings/match.h"
#include "base/status.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::store {
namespace {

using base::testing::FaultFileSystem;

struct Fixture {
  explicit Fixture(uint64_t free_bytes_min = 1000)
      : guard(disk, metrics, {.directory = directory.path(), .free_bytes_min = free_bytes_min}) {}

  bool IsReadOnlyWith(uint64_t free_bytes, uint64_t total_bytes = 1'000'000) {
    disk.SetSpace({.free_bytes = free_bytes, .total_bytes = total_bytes});
    guard.Check();
    CHECK(guard.CheckWritable().ok() == !guard.is_read_only());
    return guard.is_read_only();
  }

  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  FaultFileSystem disk{*real};
  base::Metrics metrics;
  DiskGuard guard;
};

TEST_CASE("Writes stop below the mark and go on a little above it", "[store]") {
  Fixture fixture;
  CHECK_FALSE(fixture.IsReadOnlyWith(1000));
  CHECK(fixture.IsReadOnlyWith(999));
  CHECK(absl::IsResourceExhausted(fixture.guard.CheckWritable()));
  CHECK(absl::StrContains(fixture.guard.CheckWritable().message(), "999 free bytes"));
  CHECK(absl::StrContains(fixture.metrics.Scrape(), "plumbago_store_read_only 1"));
  CHECK(absl::StrContains(fixture.metrics.Scrape(), "plumbago_store_disk_free_bytes 999"));
  CHECK(fixture.IsReadOnlyWith(1000));
  CHECK_FALSE(fixture.IsReadOnlyWith(1062));
  CHECK(absl::StrContains(fixture.metrics.Scrape(), "plumbago_store_read_only 0"));
}

TEST_CASE("The mark is at most a twentieth of the disk", "[store]") {
  Fixture fixture(1 << 30);
  CHECK_FALSE(fixture.IsReadOnlyWith(500, 10'000));
  CHECK(fixture.IsReadOnlyWith(499, 10'000));
}

TEST_CASE("A full disk stops writes whatever its free space, until a file can be made", "[store]") {
  Fixture fixture(0);
  CHECK_FALSE(fixture.IsReadOnlyWith(5000));
  fixture.guard.Note(absl::UnavailableError("another error"));
  CHECK_FALSE(fixture.guard.is_read_only());
  fixture.guard.Note(base::ErrnoStatus(ENOSPC, "write a.wsp"));
  CHECK(fixture.guard.is_read_only());
  CHECK(absl::StrContains(fixture.guard.CheckWritable().message(), "write a.wsp"));
  for (const auto kind : {FaultFileSystem::kCreate, FaultFileSystem::kPreallocate}) {
    fixture.disk.Set({.nth = 1, .kinds = kind, .fault = FaultFileSystem::Fault::kNoSpace});
    CHECK(fixture.IsReadOnlyWith(5000));
  }
  fixture.disk.Set({});
  CHECK_FALSE(fixture.IsReadOnlyWith(5000));
  CHECK(fixture.real->ListDirectory(fixture.directory.path())->empty());
}

}  // namespace
}  // namespace plumbago::store

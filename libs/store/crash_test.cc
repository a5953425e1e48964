// Proves that a disk that is full or fails at any call of a creation and its first update leaves,
// at the latest after a restart, no damaged file and no temporary one; and the same on a small
// tmpfs that really fills up.
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "store/series_files.h"
#include "store/tree_scan.h"
#include "whisper/storage_rules.h"
#include "whisper/testing/every_fault.h"
#include "whisper/updater.h"
#include "whisper/verify.h"

namespace plumbago::store {
namespace {

constexpr uint32_t kNow = 1'700'000'040;
constexpr int64_t kAnyTime = std::numeric_limits<int64_t>::max();

// One store's worth of files, over a file system that may fail.
class Files {
 public:
  Files(base::FileSystem& file_system, std::string directory)
      : files_(file_system, {.directory = std::move(directory), .open_files_max = 1000}) {}

  // As SeriesWriter does.
  absl::Status Write(const std::string& metric, const std::vector<whisper::Point>& points) {
    const SeriesName name("t", metric);
    const auto update = [&](const whisper::OpenFile& file) {
      return updater_.UpdateMany(file, points, kNow, whisper::Duplicates::kLastWins).status();
    };
    PLUMBAGO_ASSIGN_OR_RETURN(const auto opened,
                              files_.OpenOrCreate(
                                  name, [&] { return rules_.HeaderFor(name.metric()); }, update));
    if (opened.origin == SeriesFiles::Origin::kCreated) return absl::OkStatus();
    SeriesFile& file = *opened.file;
    base::MutexLock lock(file.mutex);
    const absl::Status status = update(file.open());
    if (!status.ok()) files_.Forget(name);
    return status;
  }

 private:
  whisper::StorageRules rules_ =
      whisper::StorageRules::Parse({.schemas = "[all]\npattern = .*\nretentions = 60:10, 120:60"})
          .value();
  SeriesFiles files_;
  whisper::Updater updater_;
};

// What a restart does: the first scan.
ScanResult Restart(base::FileSystem& file_system, const std::string& directory) {
  base::MemoryKeyValue key_value;
  const auto index = index::SeriesIndex::Open(key_value).value();
  return ScanTree(file_system, directory, *index, [] { return false; },
                  {.leftovers_before_unix_seconds = kAnyTime})
      .value();
}

// Every file below `directory` is a sound whisper file; returns how many there are.
size_t CheckAllSound(base::FileSystem& file_system, const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path());
    CHECK(entry.path().extension() == ".wsp");
    const auto file = file_system.OpenForRead(entry.path()).value();
    const auto report = whisper::Verify(*file);
    CHECK((report.ok() && report->is_sound()));
    ++count;
  }
  return count;
}

TEST_CASE("A fault at any call leaves no damaged and no temporary file after a restart",
          "[store]") {
  const auto real = base::MakePosixFileSystem();
  const std::vector<whisper::Point> points = {{kNow - 120, 1}, {kNow - 60, 2}, {kNow, 3}};
  size_t leftover_count = 0;
  const size_t fault_count =
      whisper::testing::ForEveryFault([&](const base::testing::FaultFileSystem::Plan& plan) {
        const base::testing::TemporaryDirectory directory;
        base::testing::FaultFileSystem faults(*real);
        faults.Set(plan);
        Files files(faults, directory.path());
        const absl::Status status = files.Write("a.b", points);
        const bool has_failed = faults.has_failed();
        INFO("call " << plan.nth << ": " << status);
        CHECK(status.ok() == !has_failed);
        leftover_count += Restart(*real, directory.path()).leftover_count;
        CHECK(CheckAllSound(*real, directory.path()) <= 1);
        CHECK(Files(*real, directory.path()).Write("a.b", points).ok());
        CHECK(CheckAllSound(*real, directory.path()) == 1);
        return has_failed;
      });
  CHECK(fault_count >= 6 * 8);
  CHECK(leftover_count > 0);  // so the scan had something to do
}

// A tmpfs of its own, until the end of the test.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) {
    const std::string options = absl::StrCat("size=", size);
    is_mounted_ =
        mount("tmpfs", directory_.path().c_str(), "tmpfs", MS_NODEV, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) umount2(directory_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  const std::string& path() const { return directory_.path(); }

 private:
  base::testing::TemporaryDirectory directory_;
  bool is_mounted_ = false;
};

TEST_CASE("A disk that fills up refuses new series and goes on with those it has", "[store]") {
  const SmallDisk disk("256k");
  if (!disk.is_mounted()) {
    WARN("skipped: a tmpfs can be mounted by root only (" << std::strerror(errno) << ")");
    return;
  }
  const auto real = base::MakePosixFileSystem();
  auto files = std::make_unique<Files>(*real, disk.path());
  size_t written_count = 0;
  absl::Status status;
  while (status.ok() && written_count < 1000) {
    status = files->Write(absl::StrCat("a.m", written_count), {{kNow - 60, 1}});
    if (status.ok()) ++written_count;
  }
  INFO(status);
  CHECK(absl::IsResourceExhausted(status));
  CHECK(written_count > 10);
  // Nothing is left of the one that was refused, even before a restart.
  CHECK(CheckAllSound(*real, disk.path()) == written_count);
  for (size_t i = 0; i < written_count; ++i) {
    CHECK(files->Write(absl::StrCat("a.m", i), {{kNow, 2}}).ok());
  }
  // With one file less, removed and closed, there is room again.
  files.reset();
  REQUIRE(real->Remove(disk.path() + "/t/a/m0.wsp").ok());
  Files reopened(*real, disk.path());
  CHECK(reopened.Write("a.other", {{kNow, 3}}).ok());
  CHECK(CheckAllSound(*real, disk.path()) == written_count);
}

}  // namespace
}  // namespace plumbago::store

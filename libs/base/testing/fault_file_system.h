// Files whose n-th call fails, to prove what a full or failing disk and a crash leave behind. Tests
// only.
//
// Wraps another FileSystem. Calls of the chosen kinds are counted from 1; the n-th fails as told,
// and after it either none or every call (a process that has died does nothing any more, not even
// remove its temporary file). Thread-safe; its files must not outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"

namespace plumbago::base::testing {

class FaultFileSystem final : public FileSystem {
 public:
  // What can be made to fail; kinds are combined with |.
  enum Kind : unsigned {
    kOpen = 1 << 0,
    kCreate = 1 << 1,  // of files, directories and links
    kRead = 1 << 2,    // of files, their sizes and directories
    kWrite = 1 << 3,
    kPreallocate = 1 << 4,
    kSync = 1 << 5,
    kRename = 1 << 6,
    kRemove = 1 << 7,
    kChange = kCreate | kWrite | kPreallocate | kRename,  // all that a full disk can refuse
    kAll = (1 << 8) - 1,
  };
  enum class Fault {
    kNoSpace,     // ENOSPC; nothing is done
    kIoError,     // EIO; nothing is done
    kShortWrite,  // half of the bytes are written, or blocks reserved, then ENOSPC
  };
  enum class After {
    kRecovered,  // the next calls work
    kDead,       // every call fails from then on
  };
  struct Plan {
    uint64_t nth = 0;  // 0: none fails
    unsigned kinds = kAll;
    Fault fault = Fault::kIoError;
    After after = After::kRecovered;
  };

  explicit FaultFileSystem(FileSystem& real) : real_(real) {}

  // What Space answers from now on, in place of the real disk's.
  void SetSpace(const DiskSpace& space);
  // Starts to count anew.
  void Set(const Plan& plan);
  // Whether the n-th call has come.
  bool has_failed() const;

  absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForUpdate(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) override;
  absl::StatusOr<DiskSpace> Space(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status SetModifiedTime(const std::string& path, int64_t unix_seconds) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::Status Append(const std::string& path, absl::string_view data) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::Status SyncFileSystem(const std::string& path) override;

 private:
  class FaultFile;
  class FaultDirectory;
  enum class Outcome { kWorks, kFails, kFailsHalfWay };

  // Counts a call of `kind`.
  Outcome Next(Kind kind);
  // The status of a call that fails, OK for one that works.
  absl::Status Check(Kind kind, const std::string& path);
  absl::Status FaultStatus(const std::string& path) const;
  absl::StatusOr<std::unique_ptr<File>> Wrap(absl::StatusOr<std::unique_ptr<File>> opened,
                                             const std::string& path);
  absl::StatusOr<std::unique_ptr<Directory>> WrapDirectory(
      absl::StatusOr<std::unique_ptr<Directory>> opened);

  FileSystem& real_;
  mutable Mutex mutex_;
  Plan plan_ ABSL_GUARDED_BY(mutex_);
  std::optional<DiskSpace> space_ ABSL_GUARDED_BY(mutex_);
  uint64_t call_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::base::testing

// Files of a machine whose power fails: what was not synced may be gone. Tests only.
//
// Wraps another FileSystem and lets everything through, but remembers how to undo what no sync has
// made durable. PowerLoss() then undoes a part of it, chosen at random, as a disk would:
//
//   bytes     each 512-byte piece that was written since the last Sync() of its file is there or
//             has its old bytes; a file that has grown keeps its old size or any up to the new one,
//             but what Preallocate() adds it has as a whole or not at all, as on ext4 and XFS,
//             unless Preallocation::kAnyPart asks for less
//   names     creations, renames and removals since the last SyncDirectory() of their directory are
//             undone from a random one on, the last one first (file systems keep them in order)
//   SyncFileSystem() makes everything durable
//
// File::Sync() is taken to keep neither the file's name nor what is in its directory: POSIX
// promises no more. After PowerLoss() the files that were open are not to be used, and what the
// undoing has left counts as durable. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"

namespace plumbago::base::testing {

enum class Preallocation {
  kWhole,    // all or nothing, and in the order of the names
  kAnyPart,  // the file may have got its name and not its length
};

class PowerLossFileSystem final : public FileSystem {
 public:
  // `directory` exists and holds all files; what is in it counts as durable. `graveyard` is an
  // empty directory outside of it, on the same disk: removed files wait there.
  PowerLossFileSystem(FileSystem& real, std::string directory, std::string graveyard,
                      Preallocation preallocation = Preallocation::kWhole)
      : real_(real),
        directory_(std::move(directory)),
        graveyard_(std::move(graveyard)),
        preallocation_(preallocation) {}

  void PowerLoss(std::mt19937_64& random);

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
  class TrackedFile;
  class TrackedDirectory;

  // What one file was when it was synced last, as far as it has changed since.
  struct Unsynced {
    uint64_t durable_bytes = 0;
    uint64_t preallocated_bytes = 0;
    std::map<uint64_t, std::string> old_pieces;  // by offset
  };
  // A change of names. Undone by moving `now` back to `before`; an empty `before`: by removing it.
  struct NameChange {
    std::string now;
    std::string before;
    std::string directory;            // whose sync makes it durable
    bool is_with_one_before = false;  // both or none: a rename that replaces is atomic
  };

  absl::StatusOr<std::unique_ptr<File>> Track(absl::StatusOr<std::unique_ptr<File>> opened);
  // Before the bytes [offset, offset + size) of the file change.
  absl::Status Remember(File& file, uint64_t offset, uint64_t size);
  void NotePreallocated(File& file, uint64_t size);
  void Forget(File& file);
  void NoteName(const std::string& now, const std::string& before);
  // Out of the way, so that it can come back.
  absl::Status Bury(const std::string& path);
  void LoseBytes(const std::string& path, const Unsynced& unsynced, std::mt19937_64& random);
  void LoseTail(const std::string& path, const Unsynced& unsynced, std::mt19937_64& random);
  void LoseNames(std::mt19937_64& random) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FindFiles(const std::string& directory, std::map<uint64_t, std::string>* paths);

  FileSystem& real_;
  const std::string directory_;
  const std::string graveyard_;
  const Preallocation preallocation_;
  Mutex mutex_;
  std::map<uint64_t, Unsynced> unsynced_ ABSL_GUARDED_BY(mutex_);  // by inode
  std::vector<NameChange> names_ ABSL_GUARDED_BY(mutex_);          // in order
  uint64_t buried_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::base::testing

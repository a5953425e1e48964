// Files as a dependency: logic takes a FileSystem&, so that tests can refuse the n-th call.
//
// Implementations are thread-safe; a File may be used by several threads at once (positional I/O
// only). Errors are those of base::ErrnoStatus, with the path in the message. Calls block.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::base {

class File {
 public:
  virtual ~File() = default;  // closes

  // Reads up to `size` bytes at `offset` into `buffer`. Returns fewer only at the end of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) = 0;
  // Writes all of `data` at `offset`.
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view data) = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Its number in the file system, which tells whether a name still means this file; 0: not known.
  virtual uint64_t Inode() { return 0; }
  // Names that the file has: 1, unless there are hard links.
  virtual absl::StatusOr<uint64_t> LinkCount() { return 1; }
  // Reserves the blocks of bytes 0..size-1, which read as zeroes, and makes the file that long.
  virtual absl::Status Preallocate(uint64_t size) = 0;
  // fsync. A failure means that data may be lost: the caller ends the process, it never retries.
  virtual absl::Status Sync() = 0;
};

struct FileInfo {
  bool is_directory = false;
  bool is_regular = false;
  uint64_t size_bytes = 0;
  int64_t modified_unix_seconds = 0;
  // Of what the inode holds; for a directory, which entries it has. 0: not known.
  int64_t changed_unix_nanos = 0;
  uint64_t inode = 0;
  // Names of a file. Of a directory: 2 and one for each directory in it, where the file system
  // counts these; else 1.
  uint64_t link_count = 0;
};

struct OpenedFile {
  std::unique_ptr<File> file;
  FileInfo info;  // when it was opened
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;  // false for symbolic links
  bool is_regular = false;
};

struct DiskSpace {
  uint64_t free_bytes = 0;  // that this process may use
  uint64_t total_bytes = 0;
};

// A directory that is held open. Nothing outside of it can be reached through it: a path is
// relative to it, no symbolic link is followed anywhere in it, and ".." does not lead out. Errors
// besides those of base::ErrnoStatus: DataLoss, a link or something else than a regular file or
// directory is where it should not be; InvalidArgument, no file can have this name.
class Directory {
 public:
  virtual ~Directory() = default;  // closes

  // `path`: nodes with slashes between them.
  virtual absl::StatusOr<OpenedFile> OpenForUpdate(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) = 0;

  // `name`: one node.
  virtual absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& name) = 0;
  // A directory that is there is not an error.
  virtual absl::Status CreateDirectory(const std::string& name) = 0;
  // AlreadyExists where `to` is taken: nothing is ever replaced.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& name) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // `path` itself may lead through symbolic links: it is the operator's.
  virtual absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) = 0;
  // Of the file system that holds `path`.
  virtual absl::StatusOr<DiskSpace> Space(const std::string& path) = 0;

  virtual absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForUpdate(const std::string& path) = 0;
  // AlreadyExists where the path exists.
  virtual absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& path) = 0;

  // Does not follow a symbolic link in the last component.
  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;
  // Entries without "." and "..", in no particular order.
  virtual absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(const std::string& path) = 0;
  // With parents; an existing directory is not an error.
  virtual absl::Status CreateDirectories(const std::string& path) = 0;
  // Replaces `to`.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A second name for the file (a hard link). AlreadyExists where `to` is taken.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  // When the file was last changed, as Stat tells it. For what replaces a file by an equivalent
  // one.
  virtual absl::Status SetModifiedTime(const std::string& path, int64_t unix_seconds) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Unavailable where it is not empty.
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;
  // Adds `data` at the end of a file, which is made where there is none. Whole and in one piece
  // also beside other appenders, unless there is an error.
  virtual absl::Status Append(const std::string& path, absl::string_view data) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // syncfs: everything written to the file system that holds `path`.
  virtual absl::Status SyncFileSystem(const std::string& path) = 0;
};

// How a Directory keeps paths inside.
enum class PathResolution {
  kKernel,  // openat2 with RESOLVE_BENEATH; kByNode where the kernel or its sandbox has none
  kByNode,  // opens node by node, without following links
};

// The machine's files.
std::unique_ptr<FileSystem> MakePosixFileSystem(
    PathResolution resolution = PathResolution::kKernel);

// Which start of the machine this is, as the kernel names it. What the page cache held in another
// one is gone. Empty where the kernel does not tell.
std::string MachineBootId();

// Allows this process as many open files as the machine does. Returns how many these are.
uint64_t RaiseOpenFileLimit();

// The whole file, up to `size_bytes_max` (ResourceExhausted above it).
absl::StatusOr<std::string> ReadWholeFile(FileSystem& file_system, const std::string& path,
                                          uint64_t size_bytes_max);

enum class Durability {
  kSynced,     // on the disk when the call returns
  kNotSynced,  // left to the caller's next sync
};

// The bytes of `from` in a new file `to`. AlreadyExists where `to` is taken; after another error
// there is no `to`, unless removing it failed too.
absl::Status CopyFile(FileSystem& file_system, const std::string& from, const std::string& to,
                      Durability durability);

// As CreateDirectories, and their names are on the disk when it returns. The parent is synced in
// any case: an earlier call may have died before it could.
absl::Status CreateDirectoriesDurably(FileSystem& file_system, const std::string& path);

// Removes a directory with everything in it; symbolic links are not followed. One that is missing
// is not an error. Ends at the first error.
absl::Status RemoveTree(FileSystem& file_system, const std::string& path);

// Durable replacement: temporary name beside it, write, fsync, rename, fsync of the directory.
// After an error the old content is still there.
absl::Status WriteFileAtomically(FileSystem& file_system, const std::string& path,
                                 absl::string_view content);

}  // namespace plumbago::base

// Files and directories of the machine by their descriptors. Internal to libs/base.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/status.h"

namespace plumbago::base::internal {

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t count =
          pread(descriptor_, buffer + done, size - done, static_cast<off_t>(offset + done));
      if (count == 0) break;
      if (count < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, absl::StrCat("read ", path_));
      }
      done += static_cast<size_t>(count);
    }
    return done;
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    size_t done = 0;
    while (done < data.size()) {
      const ssize_t count = pwrite(descriptor_, data.data() + done, data.size() - done,
                                   static_cast<off_t>(offset + done));
      if (count < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, absl::StrCat("write ", path_));
      }
      done += static_cast<size_t>(count);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat info {};
    if (fstat(descriptor_, &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path_));
    return static_cast<uint64_t>(info.st_size);
  }

  uint64_t Inode() override {
    struct stat info {};
    return fstat(descriptor_, &info) == 0 ? info.st_ino : 0;
  }

  absl::StatusOr<uint64_t> LinkCount() override {
    struct stat info {};
    if (fstat(descriptor_, &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path_));
    return static_cast<uint64_t>(info.st_nlink);
  }

  absl::Status Preallocate(uint64_t size) override {
    const int error = posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
    return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("allocate ", path_));
  }

  absl::Status Sync() override {
    return fsync(descriptor_) == 0 ? absl::OkStatus()
                                   : ErrnoStatus(errno, absl::StrCat("fsync ", path_));
  }

 private:
  const int descriptor_;
  const std::string path_;
};

FileInfo InfoOf(const struct stat& info);

// Whether the kernel has openat2 (Linux 5.6) and lets this process call it.
bool HasOpenat2();

class PosixDirectory final : public Directory {
 public:
  // Owns `descriptor`. `path` is for messages.
  PosixDirectory(int descriptor, std::string path, PathResolution resolution)
      : descriptor_(descriptor), path_(std::move(path)), resolution_(resolution) {}
  ~PosixDirectory() override { close(descriptor_); }
  PosixDirectory(const PosixDirectory&) = delete;
  PosixDirectory& operator=(const PosixDirectory&) = delete;

  absl::StatusOr<OpenedFile> OpenForUpdate(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& name) override;
  absl::Status CreateDirectory(const std::string& name) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& name) override;

 private:
  // A descriptor, or -1 with errno.
  int OpenBeneath(const std::string& path, int flags) const;
  int OpenByNode(const std::string& path, int flags) const;
  // For reading and writing, without noting the time of reads where that is allowed.
  int OpenQuietly(const std::string& path) const;
  std::string Describe(const std::string& path) const { return absl::StrCat(path_, "/", path); }

  const int descriptor_;
  const std::string path_;
  const PathResolution resolution_;
  // A hint whether to try it.
  mutable std::atomic<bool> may_skip_access_time_{true};
};

}  // namespace plumbago::base::internal

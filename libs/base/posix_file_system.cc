#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/internal/posix_file.h"
#include "base/status.h"

namespace plumbago::base {
namespace {

absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return std::make_unique<internal::PosixFile>(descriptor, path);
}

// Opens `path` only to run `sync` on its descriptor.
template <typename Sync>
absl::Status OpenAndSync(const std::string& path, const char* what, Sync sync) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  const int error = sync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat(what, " ", path));
}

bool TypeOf(const std::string& directory, const dirent& entry, DirectoryEntry* result) {
  if (entry.d_type != DT_UNKNOWN) {
    result->is_directory = entry.d_type == DT_DIR;
    result->is_regular = entry.d_type == DT_REG;
    return true;
  }
  struct stat info {};  // some file systems do not tell the type
  if (lstat(absl::StrCat(directory, "/", entry.d_name).c_str(), &info) != 0) return false;
  result->is_directory = S_ISDIR(info.st_mode);
  result->is_regular = S_ISREG(info.st_mode);
  return true;
}

// Systems may say EEXIST of a directory that is not empty, which would read as AlreadyExists.
int ErrorOfRmdir() { return errno == EEXIST ? ENOTEMPTY : errno; }

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(PathResolution resolution)
      : resolution_(resolution == PathResolution::kKernel && !internal::HasOpenat2()
                        ? PathResolution::kByNode
                        : resolution) {}

  absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    return Open(path, O_RDONLY);
  }
  absl::StatusOr<std::unique_ptr<File>> OpenForUpdate(const std::string& path) override {
    return Open(path, O_RDWR);
  }
  absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& path) override {
    return Open(path, O_RDWR | O_CREAT | O_EXCL);
  }

  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) override {
    const int descriptor = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("open directory ", path));
    return std::make_unique<internal::PosixDirectory>(descriptor, path, resolution_);
  }

  absl::StatusOr<DiskSpace> Space(const std::string& path) override {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) != 0)
      return ErrnoStatus(errno, absl::StrCat("statvfs ", path));
    return DiskSpace{.free_bytes = uint64_t{info.f_bavail} * info.f_frsize,
                     .total_bytes = uint64_t{info.f_blocks} * info.f_frsize};
  }

  absl::StatusOr<FileInfo> Stat(const std::string& path) override {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
    return internal::InfoOf(info);
  }

  absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(const std::string& path) override {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) return ErrnoStatus(errno, absl::StrCat("open directory ", path));
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const dirent* entry = readdir(directory)) {
      DirectoryEntry result{.name = entry->d_name};
      if (result.name == "." || result.name == "..") continue;
      if (TypeOf(path, *entry, &result)) entries.push_back(std::move(result));
      errno = 0;
    }
    const int error = errno;
    closedir(directory);
    if (error != 0) return ErrnoStatus(error, absl::StrCat("read directory ", path));
    return entries;
  }

  absl::Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? ErrnoStatus(error.value(), absl::StrCat("create directory ", path))
                 : absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    return rename(from.c_str(), to.c_str()) == 0
               ? absl::OkStatus()
               : ErrnoStatus(errno, absl::StrCat("rename ", from, " to ", to));
  }

  absl::Status Link(const std::string& from, const std::string& to) override {
    return link(from.c_str(), to.c_str()) == 0
               ? absl::OkStatus()
               : ErrnoStatus(errno, absl::StrCat("link ", from, " as ", to));
  }

  absl::Status SetModifiedTime(const std::string& path, int64_t unix_seconds) override {
    timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = unix_seconds;
    return utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0
               ? absl::OkStatus()
               : ErrnoStatus(errno, absl::StrCat("set the time of ", path));
  }

  absl::Status Remove(const std::string& path) override {
    return unlink(path.c_str()) == 0 ? absl::OkStatus()
                                     : ErrnoStatus(errno, absl::StrCat("remove ", path));
  }

  absl::Status RemoveDirectory(const std::string& path) override {
    return rmdir(path.c_str()) == 0 ? absl::OkStatus()
                                    : ErrnoStatus(ErrorOfRmdir(), absl::StrCat("remove ", path));
  }

  absl::Status Append(const std::string& path, absl::string_view data) override {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
    const ssize_t count = write(descriptor, data.data(), data.size());
    // A part is written only where the disk is full.
    const int error = count < 0 ? errno : static_cast<size_t>(count) < data.size() ? ENOSPC : 0;
    close(descriptor);
    return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("append to ", path));
  }

  absl::Status SyncDirectory(const std::string& path) override {
    return OpenAndSync(path, "fsync directory", [](int descriptor) { return fsync(descriptor); });
  }

  absl::Status SyncFileSystem(const std::string& path) override {
    return OpenAndSync(path, "syncfs", [](int descriptor) { return syncfs(descriptor); });
  }

 private:
  const PathResolution resolution_;
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem(PathResolution resolution) {
  return std::make_unique<PosixFileSystem>(resolution);
}

std::string MachineBootId() {
  const int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  char text[64];
  const ssize_t size = read(descriptor, text, sizeof(text));
  close(descriptor);
  return std::string(absl::StripAsciiWhitespace(
      absl::string_view(text, static_cast<size_t>(std::max<ssize_t>(size, 0)))));
}

uint64_t RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // the least that systems give
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace plumbago::base

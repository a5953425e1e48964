#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "absl/strings/str_split.h"
#include "base/internal/posix_file.h"

namespace plumbago::base::internal {
namespace {

int Openat2(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  for (;;) {
    const long descriptor = syscall(SYS_openat2, directory, path, &how, sizeof(how));
    // EAGAIN: something was renamed while the kernel walked; it asks to be called again.
    if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(descriptor);
  }
}

bool IsNode(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == absl::string_view::npos && name.find('\0') == absl::string_view::npos;
}

absl::Status NoNode(const std::string& name) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", Excerpt(name),
                   "\" is no name of a file: it is empty, \".\" or \"..\", or has a '/' or a "
                   "zero byte"));
}

absl::Status InTheWay(absl::string_view path, absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat(path, " is ", what, "; it is left alone")),
                    "not_a_file");
}

// What kept a path from being opened, where it is not the disk but what somebody put there.
absl::Status OpenError(int error, const std::string& path) {
  switch (error) {
    case ELOOP:
      return InTheWay(path, "reached through a symbolic link, which is not followed");
    case EXDEV:
      return InTheWay(path, "outside of its directory");
    case EISDIR:
    case ENXIO:  // a socket, or a device without a driver
      return InTheWay(path, "no regular file");
    case ENOTDIR:
      return InTheWay(path, "below, or itself, something that is no directory");
    case ENAMETOOLONG:
      return absl::InvalidArgumentError(absl::StrCat(Excerpt(path), " is too long for a path"));
    default:
      return ErrnoStatus(error, absl::StrCat("open ", path));
  }
}

}  // namespace

FileInfo InfoOf(const struct stat& info) {
  return {.is_directory = S_ISDIR(info.st_mode),
          .is_regular = S_ISREG(info.st_mode),
          .size_bytes = static_cast<uint64_t>(info.st_size),
          .modified_unix_seconds = info.st_mtim.tv_sec,
          .changed_unix_nanos = int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec,
          .inode = info.st_ino,
          .link_count = info.st_nlink};
}

bool HasOpenat2() {
  const int descriptor = Openat2(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
  if (descriptor < 0) return errno != ENOSYS && errno != EPERM && errno != EINVAL;
  close(descriptor);
  return true;
}

int PosixDirectory::OpenBeneath(const std::string& path, int flags) const {
  if (path.find('\0') != std::string::npos) {
    errno = ENOENT;
    return -1;
  }
  return resolution_ == PathResolution::kKernel ? Openat2(descriptor_, path.c_str(), flags)
                                                : OpenByNode(path, flags);
}

// As the kernel does it, with one descriptor for each node: nothing can be swapped for a link
// between a check and its use.
int PosixDirectory::OpenByNode(const std::string& path, int flags) const {
  int directory = descriptor_;
  int error = 0;
  const std::vector<std::string> nodes = absl::StrSplit(path, '/');
  for (size_t i = 0; i < nodes.size() && error == 0; ++i) {
    const bool is_last = i + 1 == nodes.size();
    const int node_flags = is_last ? flags : O_PATH | O_DIRECTORY;
    const int next = IsNode(nodes[i])
                         ? openat(directory, nodes[i].c_str(), node_flags | O_NOFOLLOW | O_CLOEXEC)
                         : -1;
    if (next < 0) error = IsNode(nodes[i]) ? errno : EXDEV;
    // For a link in place of a directory the kernel says ENOTDIR.
    struct stat info {};
    if (error == ENOTDIR && fstatat(directory, nodes[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
      error = ELOOP;
    }
    if (directory != descriptor_) close(directory);
    directory = next;
  }
  if (error == 0) return directory;
  errno = error;
  return -1;
}

// To note when a file was read last dirties its inode once for each write: relatime notes the first
// read after it. Only the owner of a file may leave it out.
int PosixDirectory::OpenQuietly(const std::string& path) const {
  // Not blocked by a pipe without a reader.
  constexpr int kFlags = O_RDWR | O_NONBLOCK | O_NOCTTY;
  if (may_skip_access_time_.load(std::memory_order_relaxed)) {
    const int descriptor = OpenBeneath(path, kFlags | O_NOATIME);
    if (descriptor >= 0 || errno != EPERM) return descriptor;
    may_skip_access_time_.store(false, std::memory_order_relaxed);
  }
  return OpenBeneath(path, kFlags);
}

absl::StatusOr<OpenedFile> PosixDirectory::OpenForUpdate(const std::string& path) {
  const int descriptor = OpenQuietly(path);
  if (descriptor < 0) return OpenError(errno, Describe(path));
  auto file = std::make_unique<PosixFile>(descriptor, std::string());
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) return InTheWay(Describe(path), "no regular file");
  return OpenedFile{.file = std::move(file), .info = InfoOf(info)};
}

absl::StatusOr<std::unique_ptr<Directory>> PosixDirectory::OpenDirectory(const std::string& path) {
  const int descriptor = OpenBeneath(path, O_PATH | O_DIRECTORY);
  if (descriptor < 0) return OpenError(errno, Describe(path));
  return std::make_unique<PosixDirectory>(descriptor, Describe(path), resolution_);
}

absl::StatusOr<std::unique_ptr<File>> PosixDirectory::CreateExclusive(const std::string& name) {
  if (!IsNode(name)) return NoNode(name);
  const int descriptor =
      openat(descriptor_, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("create ", Describe(name)));
  return std::make_unique<PosixFile>(descriptor, std::string());
}

absl::Status PosixDirectory::CreateDirectory(const std::string& name) {
  if (!IsNode(name)) return NoNode(name);
  if (mkdirat(descriptor_, name.c_str(), 0755) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("create directory ", Describe(name)));
}

absl::Status PosixDirectory::Rename(const std::string& from, const std::string& to) {
  if (!IsNode(from)) return NoNode(from);
  if (!IsNode(to)) return NoNode(to);
  int result = renameat2(descriptor_, from.c_str(), descriptor_, to.c_str(), RENAME_NOREPLACE);
  if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
    // A file system without this flag: with a gap between the question and the deed.
    const bool is_taken = faccessat(descriptor_, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_taken) errno = EEXIST;
    result = is_taken ? -1 : renameat(descriptor_, from.c_str(), descriptor_, to.c_str());
  }
  if (result == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("rename ", Describe(from), " to ", to));
}

absl::Status PosixDirectory::Remove(const std::string& name) {
  if (!IsNode(name)) return NoNode(name);
  if (unlinkat(descriptor_, name.c_str(), 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove ", Describe(name)));
}

}  // namespace plumbago::base::internal

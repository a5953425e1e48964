#include "base/file_system.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::base {
namespace {

std::string ParentDirectory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteAndSync(FileSystem& file_system, const std::string& path,
                          absl::string_view content) {
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system.CreateExclusive(path));
  PLUMBAGO_RETURN_IF_ERROR(file->WriteAt(0, content));
  return file->Sync();
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(FileSystem& file_system, const std::string& path,
                                          uint64_t size_bytes_max) {
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system.OpenForRead(path));
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > size_bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat(path, " has ", size, " bytes; at most ",
                                                     size_bytes_max, " are read from such a file"));
  }
  std::string content(size, '\0');
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t read, file->ReadAt(0, content.data(), size));
  content.resize(read);
  return content;
}

absl::Status WriteFileAtomically(FileSystem& file_system, const std::string& path,
                                 absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  // A left-over of a crash; nobody else uses this name.
  if (absl::Status removed = file_system.Remove(temporary);
      !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  absl::Status status = WriteAndSync(file_system, temporary, content);
  if (status.ok()) status = file_system.Rename(temporary, path);
  if (!status.ok()) {
    file_system.Remove(temporary).IgnoreError();  // the first error is the one to report
    return status;
  }
  return file_system.SyncDirectory(ParentDirectory(path));
}

}  // namespace plumbago::base

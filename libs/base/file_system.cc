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

absl::Status CopyContent(File& from, File& to, Durability durability) {
  constexpr size_t kPieceBytes = 1 << 20;
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0;;) {
    PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, from.ReadAt(offset, piece.data(), piece.size()));
    if (count == 0) break;
    PLUMBAGO_RETURN_IF_ERROR(to.WriteAt(offset, absl::string_view(piece.data(), count)));
    offset += count;
  }
  return durability == Durability::kSynced ? to.Sync() : absl::OkStatus();
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

absl::Status CopyFile(FileSystem& file_system, const std::string& from, const std::string& to,
                      Durability durability) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto source, file_system.OpenForRead(from));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto target, file_system.CreateExclusive(to));
  absl::Status status = CopyContent(*source, *target, durability);
  if (!status.ok()) file_system.Remove(to).IgnoreError();  // the first error is the one to report
  return status;
}

absl::Status CreateDirectoriesDurably(FileSystem& file_system, const std::string& path) {
  const auto parent_of = [](const std::string& child) {
    const size_t slash = child.rfind('/');
    if (slash == std::string::npos) return std::string(".");
    return slash == 0 ? std::string("/") : child.substr(0, slash);
  };
  std::vector<std::string> parents = {parent_of(path)};
  while (absl::IsNotFound(file_system.Stat(parents.back()).status())) {
    parents.push_back(parent_of(parents.back()));
  }
  PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(path));
  for (const std::string& parent : parents) {
    PLUMBAGO_RETURN_IF_ERROR(file_system.SyncDirectory(parent));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(FileSystem& file_system, const std::string& path) {
  // Each directory twice: what is in it first, then itself.
  struct Pending {
    std::string path;
    bool is_emptied = false;
  };
  std::vector<Pending> pending = {{path}};
  while (!pending.empty()) {
    const Pending next = pending.back();
    if (next.is_emptied) {
      PLUMBAGO_RETURN_IF_ERROR(file_system.RemoveDirectory(next.path));
      pending.pop_back();
      continue;
    }
    const auto entries = file_system.ListDirectory(next.path);
    if (absl::IsNotFound(entries.status())) {
      pending.pop_back();
      continue;
    }
    if (!entries.ok()) return entries.status();
    pending.back().is_emptied = true;
    for (const DirectoryEntry& entry : *entries) {
      const std::string below = absl::StrCat(next.path, "/", entry.name);
      if (entry.is_directory) {
        pending.push_back({below});
      } else {
        PLUMBAGO_RETURN_IF_ERROR(file_system.Remove(below));
      }
    }
  }
  return absl::OkStatus();
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

#include "base/testing/fault_file_system.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::base::testing {

class FaultFileSystem::FaultFile final : public File {
 public:
  FaultFile(FaultFileSystem& faults, std::unique_ptr<File> real, std::string path)
      : faults_(faults), real_(std::move(real)), path_(std::move(path)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kRead, path_));
    return real_->ReadAt(offset, buffer, size);
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    const Outcome outcome = faults_.Next(kWrite);
    if (outcome == Outcome::kWorks) return real_->WriteAt(offset, data);
    if (outcome == Outcome::kFailsHalfWay) {
      PLUMBAGO_RETURN_IF_ERROR(real_->WriteAt(offset, data.substr(0, data.size() / 2)));
    }
    return faults_.FaultStatus(path_);
  }

  absl::StatusOr<uint64_t> Size() override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kRead, path_));
    return real_->Size();
  }

  uint64_t Inode() override { return real_->Inode(); }

  absl::StatusOr<uint64_t> LinkCount() override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kRead, path_));
    return real_->LinkCount();
  }

  absl::Status Preallocate(uint64_t size) override {
    const Outcome outcome = faults_.Next(kPreallocate);
    if (outcome == Outcome::kWorks) return real_->Preallocate(size);
    if (outcome == Outcome::kFailsHalfWay) PLUMBAGO_RETURN_IF_ERROR(real_->Preallocate(size / 2));
    return faults_.FaultStatus(path_);
  }

  absl::Status Sync() override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kSync, path_));
    return real_->Sync();
  }

 private:
  FaultFileSystem& faults_;
  const std::unique_ptr<File> real_;
  const std::string path_;
};

class FaultFileSystem::FaultDirectory final : public Directory {
 public:
  FaultDirectory(FaultFileSystem& faults, std::unique_ptr<Directory> real)
      : faults_(faults), real_(std::move(real)) {}

  absl::StatusOr<OpenedFile> OpenForUpdate(const std::string& path) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kOpen, path));
    PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile opened, real_->OpenForUpdate(path));
    PLUMBAGO_ASSIGN_OR_RETURN(opened.file, faults_.Wrap(std::move(opened.file), path));
    return opened;
  }

  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kOpen, path));
    return faults_.WrapDirectory(real_->OpenDirectory(path));
  }

  absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& name) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kCreate, name));
    return faults_.Wrap(real_->CreateExclusive(name), name);
  }

  absl::Status CreateDirectory(const std::string& name) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kCreate, name));
    return real_->CreateDirectory(name);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kRename, from));
    return real_->Rename(from, to);
  }

  absl::Status Remove(const std::string& name) override {
    PLUMBAGO_RETURN_IF_ERROR(faults_.Check(kRemove, name));
    return real_->Remove(name);
  }

 private:
  FaultFileSystem& faults_;
  const std::unique_ptr<Directory> real_;
};

void FaultFileSystem::SetSpace(const DiskSpace& space) {
  MutexLock lock(mutex_);
  space_ = space;
}

void FaultFileSystem::Set(const Plan& plan) {
  MutexLock lock(mutex_);
  plan_ = plan;
  call_count_ = 0;
}

bool FaultFileSystem::has_failed() const {
  MutexLock lock(mutex_);
  return plan_.nth != 0 && call_count_ >= plan_.nth;
}

FaultFileSystem::Outcome FaultFileSystem::Next(Kind kind) {
  MutexLock lock(mutex_);
  if (plan_.nth == 0) return Outcome::kWorks;
  const bool is_dead = plan_.after == After::kDead && call_count_ >= plan_.nth;
  if (is_dead) return Outcome::kFails;
  if ((plan_.kinds & kind) == 0 || ++call_count_ != plan_.nth) return Outcome::kWorks;
  return plan_.fault == Fault::kShortWrite ? Outcome::kFailsHalfWay : Outcome::kFails;
}

absl::Status FaultFileSystem::FaultStatus(const std::string& path) const {
  MutexLock lock(mutex_);
  return ErrnoStatus(plan_.fault == Fault::kIoError ? EIO : ENOSPC,
                     absl::StrCat("fault in ", path));
}

absl::Status FaultFileSystem::Check(Kind kind, const std::string& path) {
  return Next(kind) == Outcome::kWorks ? absl::OkStatus() : FaultStatus(path);
}

absl::StatusOr<std::unique_ptr<File>> FaultFileSystem::Wrap(
    absl::StatusOr<std::unique_ptr<File>> opened, const std::string& path) {
  if (!opened.ok()) return opened;
  return std::make_unique<FaultFile>(*this, *std::move(opened), path);
}

absl::StatusOr<std::unique_ptr<Directory>> FaultFileSystem::WrapDirectory(
    absl::StatusOr<std::unique_ptr<Directory>> opened) {
  if (!opened.ok()) return opened;
  return std::make_unique<FaultDirectory>(*this, *std::move(opened));
}

absl::StatusOr<std::unique_ptr<Directory>> FaultFileSystem::OpenDirectory(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kOpen, path));
  return WrapDirectory(real_.OpenDirectory(path));
}

absl::StatusOr<DiskSpace> FaultFileSystem::Space(const std::string& path) {
  {
    MutexLock lock(mutex_);
    if (space_.has_value()) return *space_;
  }
  return real_.Space(path);
}

absl::StatusOr<std::unique_ptr<File>> FaultFileSystem::OpenForRead(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kOpen, path));
  return Wrap(real_.OpenForRead(path), path);
}

absl::StatusOr<std::unique_ptr<File>> FaultFileSystem::OpenForUpdate(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kOpen, path));
  return Wrap(real_.OpenForUpdate(path), path);
}

absl::StatusOr<std::unique_ptr<File>> FaultFileSystem::CreateExclusive(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kCreate, path));
  return Wrap(real_.CreateExclusive(path), path);
}

absl::StatusOr<FileInfo> FaultFileSystem::Stat(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kRead, path));
  return real_.Stat(path);
}

absl::StatusOr<std::vector<DirectoryEntry>> FaultFileSystem::ListDirectory(
    const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kRead, path));
  return real_.ListDirectory(path);
}

absl::Status FaultFileSystem::CreateDirectories(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kCreate, path));
  return real_.CreateDirectories(path);
}

absl::Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kRename, from));
  return real_.Rename(from, to);
}

absl::Status FaultFileSystem::Link(const std::string& from, const std::string& to) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kCreate, to));
  return real_.Link(from, to);
}

absl::Status FaultFileSystem::SetModifiedTime(const std::string& path, int64_t unix_seconds) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kWrite, path));
  return real_.SetModifiedTime(path, unix_seconds);
}

absl::Status FaultFileSystem::Remove(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kRemove, path));
  return real_.Remove(path);
}

absl::Status FaultFileSystem::RemoveDirectory(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kRemove, path));
  return real_.RemoveDirectory(path);
}

absl::Status FaultFileSystem::Append(const std::string& path, absl::string_view data) {
  const Outcome outcome = Next(kWrite);
  if (outcome == Outcome::kWorks) return real_.Append(path, data);
  if (outcome == Outcome::kFailsHalfWay) {
    PLUMBAGO_RETURN_IF_ERROR(real_.Append(path, data.substr(0, data.size() / 2)));
  }
  return FaultStatus(path);
}

absl::Status FaultFileSystem::SyncDirectory(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kSync, path));
  return real_.SyncDirectory(path);
}

absl::Status FaultFileSystem::SyncFileSystem(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(Check(kSync, path));
  return real_.SyncFileSystem(path);
}

}  // namespace plumbago::base::testing

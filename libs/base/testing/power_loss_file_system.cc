#include "base/testing/power_loss_file_system.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"

namespace plumbago::base::testing {
namespace {

constexpr uint64_t kPieceBytes = 512;

std::string ParentOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace

class PowerLossFileSystem::TrackedFile final : public File {
 public:
  TrackedFile(PowerLossFileSystem& owner, std::unique_ptr<File> real)
      : owner_(owner), real_(std::move(real)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    return real_->ReadAt(offset, buffer, size);
  }
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    PLUMBAGO_RETURN_IF_ERROR(owner_.Remember(*real_, offset, data.size()));
    return real_->WriteAt(offset, data);
  }
  absl::StatusOr<uint64_t> Size() override { return real_->Size(); }
  uint64_t Inode() override { return real_->Inode(); }
  absl::StatusOr<uint64_t> LinkCount() override { return real_->LinkCount(); }
  absl::Status Preallocate(uint64_t size) override {
    PLUMBAGO_RETURN_IF_ERROR(owner_.Remember(*real_, 0, 0));
    owner_.NotePreallocated(*real_, size);
    return real_->Preallocate(size);
  }
  absl::Status Sync() override {
    owner_.Forget(*real_);
    return absl::OkStatus();
  }

 private:
  PowerLossFileSystem& owner_;
  const std::unique_ptr<File> real_;
};

class PowerLossFileSystem::TrackedDirectory final : public Directory {
 public:
  TrackedDirectory(PowerLossFileSystem& owner, std::unique_ptr<Directory> real, std::string path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}

  absl::StatusOr<OpenedFile> OpenForUpdate(const std::string& path) override {
    PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile opened, real_->OpenForUpdate(path));
    PLUMBAGO_ASSIGN_OR_RETURN(opened.file, owner_.Track(std::move(opened.file)));
    return opened;
  }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path) override {
    PLUMBAGO_ASSIGN_OR_RETURN(auto opened, real_->OpenDirectory(path));
    return std::make_unique<TrackedDirectory>(owner_, std::move(opened), Below(path));
  }
  absl::StatusOr<std::unique_ptr<File>> CreateExclusive(const std::string& name) override {
    auto created = owner_.Track(real_->CreateExclusive(name));
    if (created.ok()) owner_.NoteName(Below(name), "");
    return created;
  }
  absl::Status CreateDirectory(const std::string& name) override {
    const bool is_new = absl::IsNotFound(owner_.real_.Stat(Below(name)).status());
    PLUMBAGO_RETURN_IF_ERROR(real_->CreateDirectory(name));
    if (is_new) owner_.NoteName(Below(name), "");
    return absl::OkStatus();
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    PLUMBAGO_RETURN_IF_ERROR(real_->Rename(from, to));
    owner_.NoteName(Below(to), Below(from));
    return absl::OkStatus();
  }
  absl::Status Remove(const std::string& name) override { return owner_.Remove(Below(name)); }

 private:
  std::string Below(const std::string& name) const { return absl::StrCat(path_, "/", name); }

  PowerLossFileSystem& owner_;
  const std::unique_ptr<Directory> real_;
  const std::string path_;
};

// ---- what is lost ----

void PowerLossFileSystem::PowerLoss(std::mt19937_64& random) {
  MutexLock lock(mutex_);
  std::map<uint64_t, std::string> paths;
  FindFiles(directory_, &paths);
  FindFiles(graveyard_, &paths);
  for (const auto& [inode, unsynced] : unsynced_) {
    const auto found = paths.find(inode);
    if (found != paths.end()) LoseBytes(found->second, unsynced, random);
  }
  unsynced_.clear();
  LoseNames(random);
  names_.clear();
}

void PowerLossFileSystem::LoseBytes(const std::string& path, const Unsynced& unsynced,
                                    std::mt19937_64& random) {
  const auto file = real_.OpenForUpdate(path);
  PLUMBAGO_CHECK(file.ok());
  const uint64_t size = (*file)->Size().value();
  const double chance = std::uniform_int_distribution<int>(0, 2)(random) / 2.0;  // none, half, all
  for (const auto& [offset, old_bytes] : unsynced.old_pieces) {
    if (!std::bernoulli_distribution(chance)(random) || offset >= size) continue;
    std::string piece = old_bytes;
    piece.resize(std::min(kPieceBytes, size - offset), '\0');  // what was beyond the end: zeroes
    PLUMBAGO_CHECK((*file)->WriteAt(offset, piece).ok());
  }
  if (size > unsynced.durable_bytes) LoseTail(path, unsynced, random);
}

void PowerLossFileSystem::LoseTail(const std::string& path, const Unsynced& unsynced,
                                   std::mt19937_64& random) {
  const uint64_t size = std::filesystem::file_size(path);
  const uint64_t kept_bytes =
      preallocation_ == Preallocation::kWhole ? unsynced.preallocated_bytes : 0;
  const uint64_t least = std::max(unsynced.durable_bytes, kept_bytes);
  uint64_t left = size;
  switch (std::uniform_int_distribution<int>(0, 2)(random)) {
    case 0:
      left = unsynced.durable_bytes;
      break;
    case 1:
      left = std::uniform_int_distribution<uint64_t>(std::min(least, size), size)(random);
      break;
    default:
      break;
  }
  PLUMBAGO_CHECK(truncate(path.c_str(), static_cast<off_t>(left)) == 0);
}

void PowerLossFileSystem::LoseNames(std::mt19937_64& random) {
  size_t kept = std::uniform_int_distribution<size_t>(0, names_.size())(random);
  if (kept < names_.size() && kept > 0 && names_[kept].is_with_one_before) --kept;
  for (size_t i = names_.size(); i-- > kept;) {
    const NameChange& change = names_[i];
    std::error_code error;  // what an earlier undoing took away is gone already
    if (change.before.empty()) {
      std::filesystem::remove_all(change.now, error);
    } else {
      std::filesystem::rename(change.now, change.before, error);
    }
  }
}

void PowerLossFileSystem::FindFiles(const std::string& directory,
                                    std::map<uint64_t, std::string>* paths) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const auto info = real_.Stat(entry.path().string());
    PLUMBAGO_CHECK(info.ok());
    (*paths)[info->inode] = entry.path().string();
  }
}

// ---- what is remembered ----

absl::StatusOr<std::unique_ptr<File>> PowerLossFileSystem::Track(
    absl::StatusOr<std::unique_ptr<File>> opened) {
  if (!opened.ok()) return opened;
  return std::make_unique<TrackedFile>(*this, *std::move(opened));
}

absl::Status PowerLossFileSystem::Remember(File& file, uint64_t offset, uint64_t size) {
  MutexLock lock(mutex_);
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file.Size());
  const auto [found, is_new] = unsynced_.try_emplace(file.Inode());
  Unsynced& unsynced = found->second;
  if (is_new) unsynced.durable_bytes = file_bytes;
  for (uint64_t at = offset / kPieceBytes * kPieceBytes; at < offset + size; at += kPieceBytes) {
    if (unsynced.old_pieces.count(at) > 0) continue;
    std::string piece(kPieceBytes, '\0');
    PLUMBAGO_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(at, piece.data(), piece.size()));
    piece.resize(read);
    unsynced.old_pieces[at] = std::move(piece);
  }
  return absl::OkStatus();
}

void PowerLossFileSystem::NotePreallocated(File& file, uint64_t size) {
  MutexLock lock(mutex_);
  uint64_t& preallocated_bytes = unsynced_[file.Inode()].preallocated_bytes;
  preallocated_bytes = std::max(preallocated_bytes, size);
}

void PowerLossFileSystem::Forget(File& file) {
  MutexLock lock(mutex_);
  unsynced_.erase(file.Inode());
}

void PowerLossFileSystem::NoteName(const std::string& now, const std::string& before) {
  MutexLock lock(mutex_);
  names_.push_back({now, before, ParentOf(before.empty() ? now : before)});
}

absl::Status PowerLossFileSystem::Bury(const std::string& path) {
  std::string grave;
  {
    MutexLock lock(mutex_);
    grave = absl::StrCat(graveyard_, "/", buried_count_++);
  }
  PLUMBAGO_RETURN_IF_ERROR(real_.Rename(path, grave));
  NoteName(grave, path);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> PowerLossFileSystem::OpenForRead(const std::string& path) {
  return real_.OpenForRead(path);
}

absl::StatusOr<std::unique_ptr<File>> PowerLossFileSystem::OpenForUpdate(const std::string& path) {
  return Track(real_.OpenForUpdate(path));
}

absl::StatusOr<std::unique_ptr<File>> PowerLossFileSystem::CreateExclusive(
    const std::string& path) {
  auto created = Track(real_.CreateExclusive(path));
  if (created.ok()) NoteName(path, "");
  return created;
}

absl::StatusOr<std::unique_ptr<Directory>> PowerLossFileSystem::OpenDirectory(
    const std::string& path) {
  PLUMBAGO_ASSIGN_OR_RETURN(auto opened, real_.OpenDirectory(path));
  return std::make_unique<TrackedDirectory>(*this, std::move(opened), path);
}

absl::StatusOr<DiskSpace> PowerLossFileSystem::Space(const std::string& path) {
  return real_.Space(path);
}

absl::StatusOr<FileInfo> PowerLossFileSystem::Stat(const std::string& path) {
  return real_.Stat(path);
}

absl::StatusOr<std::vector<DirectoryEntry>> PowerLossFileSystem::ListDirectory(
    const std::string& path) {
  return real_.ListDirectory(path);
}

absl::Status PowerLossFileSystem::CreateDirectories(const std::string& path) {
  std::vector<std::string> missing;
  for (std::string at = path; !real_.Stat(at).ok() && at.size() > 1; at = ParentOf(at)) {
    missing.push_back(at);
  }
  PLUMBAGO_RETURN_IF_ERROR(real_.CreateDirectories(path));
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) NoteName(*at, "");
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::Rename(const std::string& from, const std::string& to) {
  const bool is_replaced = real_.Stat(to).ok();
  if (is_replaced) PLUMBAGO_RETURN_IF_ERROR(Bury(to));
  PLUMBAGO_RETURN_IF_ERROR(real_.Rename(from, to));
  NoteName(to, from);
  MutexLock lock(mutex_);
  names_.back().is_with_one_before = is_replaced;
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::Link(const std::string& from, const std::string& to) {
  PLUMBAGO_RETURN_IF_ERROR(real_.Link(from, to));
  NoteName(to, "");
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::SetModifiedTime(const std::string& path, int64_t unix_seconds) {
  return real_.SetModifiedTime(path, unix_seconds);
}

absl::Status PowerLossFileSystem::Remove(const std::string& path) {
  PLUMBAGO_RETURN_IF_ERROR(real_.Stat(path).status());
  return Bury(path);
}

absl::Status PowerLossFileSystem::RemoveDirectory(const std::string& path) {
  return real_.RemoveDirectory(path);
}

absl::Status PowerLossFileSystem::Append(const std::string& path, absl::string_view data) {
  auto file = OpenForUpdate(path);
  if (absl::IsNotFound(file.status())) file = CreateExclusive(path);
  if (!file.ok()) return file.status();
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t end, (*file)->Size());
  return (*file)->WriteAt(end, data);
}

absl::Status PowerLossFileSystem::SyncDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  std::erase_if(names_, [&](const NameChange& change) { return change.directory == path; });
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::SyncFileSystem(const std::string&) {
  MutexLock lock(mutex_);
  unsynced_.clear();
  names_.clear();
  return absl::OkStatus();
}

}  // namespace plumbago::base::testing

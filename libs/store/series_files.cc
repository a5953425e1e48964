#include "store/series_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/name_list.h"

namespace plumbago::store {

SeriesFiles::SeriesFiles(base::FileSystem& file_system, Options options)
    : file_system_(file_system),
      options_(std::move(options)),
      open_files_max_per_shard_(std::max<size_t>(1, options_.open_files_max / kShardCount)) {}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::Open(const SeriesName& name) {
  uint64_t forgotten_count = 0;
  return OpenOrFind(name, &forgotten_count);
}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::OpenForUpdate(const SeriesName& name) {
  uint64_t forgotten_count = 0;
  PLUMBAGO_ASSIGN_OR_RETURN(Result opened, OpenOrFind(name, &forgotten_count));
  const uint64_t epoch = links_epoch_.load(std::memory_order_relaxed);
  if (opened.file->links_checked == epoch) return opened;
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t link_count, opened.file->file->LinkCount());
  if (link_count > 1) {
    PLUMBAGO_RETURN_IF_ERROR(ReplaceByCopy(name));
    Forget(name);
    PLUMBAGO_ASSIGN_OR_RETURN(opened, OpenOrFind(name, &forgotten_count));
    opened.origin = Origin::kOpened;
  }
  opened.file->links_checked = epoch;
  return opened;
}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::OpenOrCreate(const SeriesName& name,
                                                              MakeHeader make_header) {
  absl::StatusOr<Result> opened = OpenForUpdate(name);
  if (!absl::IsNotFound(opened.status())) return opened;
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(whisper::Header header, make_header());
  uint64_t forgotten_count = 0;
  Find(name, &forgotten_count);
  // Replace: Open said that there is nothing, or only what a power cut left of a creation.
  PLUMBAGO_ASSIGN_OR_RETURN(
      auto file, whisper::Create(file_system_, absl::StrCat(options_.directory, "/", path), header,
                                 whisper::Existing::kReplace));
  auto created = std::make_shared<SeriesFile>(std::move(file), std::move(header));
  created->links_checked = links_epoch_.load(std::memory_order_relaxed);
  return Result{Insert(name, std::move(created), forgotten_count), Origin::kCreated};
}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::OpenOrFind(const SeriesName& name,
                                                            uint64_t* forgotten_count) {
  if (auto cached = Find(name, forgotten_count)) return Result{std::move(cached), Origin::kCached};
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, OpenPath(absl::StrCat(options_.directory, "/", path)));
  return Result{Insert(name, std::move(file), *forgotten_count), Origin::kOpened};
}

// Synced before it takes the name: what it replaces had been durable.
absl::Status SeriesFiles::ReplaceByCopy(const SeriesName& name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string relative, SeriesPath(name));
  const std::string path = absl::StrCat(options_.directory, "/", relative);
  const std::string temporary = absl::StrCat(path, ".tmp");
  file_system_.Remove(temporary).IgnoreError();  // the remains of a crash
  PLUMBAGO_RETURN_IF_ERROR(
      base::CopyFile(file_system_, path, temporary, base::Durability::kSynced));
  absl::Status status = file_system_.Rename(temporary, path);
  if (!status.ok()) file_system_.Remove(temporary).IgnoreError();  // the first error is reported
  return status;
}

absl::StatusOr<std::shared_ptr<SeriesFile>> SeriesFiles::OpenPath(const std::string& path) {
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo info, file_system_.Stat(path));
  if (!info.is_regular) {
    return absl::DataLossError(absl::StrCat(path, " is no regular file; it is left alone"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, file_system_.OpenForUpdate(path));
  auto header = whisper::ReadHeader(*file);
  if (!header.ok()) return base::Annotate(header.status(), path);
  return std::make_shared<SeriesFile>(std::move(file), *std::move(header));
}

std::shared_ptr<SeriesFile> SeriesFiles::Find(const SeriesName& name, uint64_t* forgotten_count) {
  Shard& shard = ShardOf(name);
  base::MutexLock lock(shard.mutex);
  *forgotten_count = shard.forgotten_count;
  const auto found = shard.by_key.find(name.key());
  if (found == shard.by_key.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->file;
}

std::shared_ptr<SeriesFile> SeriesFiles::Insert(const SeriesName& name,
                                                std::shared_ptr<SeriesFile> file,
                                                uint64_t forgotten_count) {
  Shard& shard = ShardOf(name);
  std::list<Entry> evicted;  // closed after the lock is released
  base::MutexLock lock(shard.mutex);
  const auto found = shard.by_key.find(name.key());
  if (found != shard.by_key.end()) return found->second->file;
  if (shard.forgotten_count != forgotten_count) return file;
  shard.entries.push_front({name.key(), file});
  shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
  if (shard.entries.size() > open_files_max_per_shard_) {
    shard.by_key.erase(shard.entries.back().key);
    evicted.splice(evicted.begin(), shard.entries, std::prev(shard.entries.end()));
  }
  return file;
}

absl::Status SeriesFiles::KeepTaggedNames(absl::string_view tenant,
                                          absl::Span<const index::SeriesEntry> added) {
  std::vector<std::string> names;
  for (const index::SeriesEntry& entry : added) {
    if (absl::StrContains(entry.metric, ';')) names.push_back(entry.metric);
  }
  if (names.empty()) return absl::OkStatus();
  return AppendNames(file_system_,
                     absl::StrCat(options_.directory, "/", tenant, "/", kTaggedNamesPath), names);
}

void SeriesFiles::ForgetAll() {
  for (Shard& shard : shards_) {
    std::list<Entry> closed;  // after the lock is released
    base::MutexLock lock(shard.mutex);
    ++shard.forgotten_count;
    shard.by_key.clear();
    closed.swap(shard.entries);
  }
}

void SeriesFiles::Forget(const SeriesName& name) {
  Shard& shard = ShardOf(name);
  std::list<Entry> closed;  // after the lock is released
  base::MutexLock lock(shard.mutex);
  ++shard.forgotten_count;
  const auto found = shard.by_key.find(name.key());
  if (found == shard.by_key.end()) return;
  const auto entry = found->second;
  shard.by_key.erase(found);
  closed.splice(closed.begin(), shard.entries, entry);
}

size_t SeriesFiles::open_count() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    base::MutexLock lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

}  // namespace plumbago::store

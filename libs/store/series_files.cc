#include "store/series_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"

namespace plumbago::store {

SeriesFiles::SeriesFiles(base::FileSystem& file_system, Options options)
    : file_system_(file_system),
      options_(std::move(options)),
      open_files_max_per_shard_(std::max<size_t>(1, options_.open_files_max / kShardCount)) {}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::Open(const SeriesName& name) {
  if (auto cached = Find(name)) return Result{std::move(cached), Origin::kCached};
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, OpenPath(absl::StrCat(options_.directory, "/", path)));
  return Result{Insert(name, std::move(file)), Origin::kOpened};
}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::OpenOrCreate(const SeriesName& name,
                                                              MakeHeader make_header) {
  absl::StatusOr<Result> opened = Open(name);
  if (!absl::IsNotFound(opened.status())) return opened;
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(whisper::Header header, make_header());
  // Replace: Open said that there is nothing, or only what a power cut left of a creation.
  PLUMBAGO_ASSIGN_OR_RETURN(
      auto file, whisper::Create(file_system_, absl::StrCat(options_.directory, "/", path), header,
                                 whisper::Existing::kReplace));
  auto created = std::make_shared<SeriesFile>(std::move(file), std::move(header));
  return Result{Insert(name, std::move(created)), Origin::kCreated};
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

std::shared_ptr<SeriesFile> SeriesFiles::Find(const SeriesName& name) {
  Shard& shard = ShardOf(name);
  base::MutexLock lock(shard.mutex);
  const auto found = shard.by_key.find(name.key());
  if (found == shard.by_key.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->file;
}

std::shared_ptr<SeriesFile> SeriesFiles::Insert(const SeriesName& name,
                                                std::shared_ptr<SeriesFile> file) {
  Shard& shard = ShardOf(name);
  std::list<Entry> evicted;  // closed after the lock is released
  base::MutexLock lock(shard.mutex);
  const auto found = shard.by_key.find(name.key());
  if (found != shard.by_key.end()) return found->second->file;
  shard.entries.push_front({name.key(), file});
  shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
  if (shard.entries.size() > open_files_max_per_shard_) {
    shard.by_key.erase(shard.entries.back().key);
    evicted.splice(evicted.begin(), shard.entries, std::prev(shard.entries.end()));
  }
  return file;
}

void SeriesFiles::ForgetAll() {
  for (Shard& shard : shards_) {
    std::list<Entry> closed;  // after the lock is released
    base::MutexLock lock(shard.mutex);
    shard.by_key.clear();
    closed.swap(shard.entries);
  }
}

void SeriesFiles::Forget(const SeriesName& name) {
  Shard& shard = ShardOf(name);
  std::list<Entry> closed;  // after the lock is released
  base::MutexLock lock(shard.mutex);
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

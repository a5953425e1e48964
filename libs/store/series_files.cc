#include "store/series_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "store/name_list.h"

namespace plumbago::store {
namespace {

// One in so many newcomers is kept as if it were used often. So series that are not written any
// more give way to others after so many openings for each descriptor.
constexpr uint64_t kNewcomersPerKept = 64;
// Entries in use that are passed over when one is to be closed.
constexpr int kInUseMax = 16;
// More files without content were not left by power cuts.
constexpr int kSetAsideMax = 9;
// To read a finest archive that is longer costs more than the reads that it saves.
constexpr size_t kBeginningBytesMax = 8 << 10;

// Up to the first slot of the second archive.
size_t BeginningBytes(const whisper::Header& header) {
  if (header.archives.size() < 2) return whisper::kHeaderBytesMax;
  const size_t bytes = header.archives[1].offset + whisper::kPointBytes;
  return bytes <= kBeginningBytesMax ? bytes : whisper::kHeaderBytesMax;
}

}  // namespace

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
  absl::StatusOr<Result> found = OpenOrFind(name, &forgotten_count);
  if (base::ReasonOf(found.status()) == "truncated") {
    PLUMBAGO_RETURN_IF_ERROR(Lengthen(name, found.status()));
    found = OpenOrFind(name, &forgotten_count);
  }
  PLUMBAGO_ASSIGN_OR_RETURN(Result opened, std::move(found));
  const uint64_t epoch = links_epoch_.load(std::memory_order_relaxed);
  if (opened.file->links_checked == epoch) return opened;
  uint64_t link_count = opened.opening.link_count;
  if (link_count == 0) {
    PLUMBAGO_ASSIGN_OR_RETURN(link_count, opened.file->file().LinkCount());
  }
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
                                                              MakeHeader make_header, Fill fill) {
  absl::StatusOr<Result> opened = OpenForUpdate(name);
  if (!absl::IsNotFound(opened.status())) return opened;
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Header header, make_header());
  if (base::ReasonOf(opened.status()) == "empty") PLUMBAGO_RETURN_IF_ERROR(SetAside(path));
  uint64_t forgotten_count = 0;
  Find(name, &forgotten_count);
  auto created = Create(path, header, fill);
  if (absl::IsNotFound(created.status())) {  // somebody has removed a directory that is kept open
    ForgetDirectories();
    created = Create(path, header, fill);
  }
  if (absl::IsAlreadyExists(created.status())) return OpenForUpdate(name);  // a tool was faster
  if (!created.ok()) return created.status();
  (*created)->links_checked = links_epoch_.load(std::memory_order_relaxed);
  return Result{Insert(name, *std::move(created), forgotten_count), Origin::kCreated};
}

absl::StatusOr<SeriesFiles::Result> SeriesFiles::OpenOrFind(const SeriesName& name,
                                                            uint64_t* forgotten_count) {
  if (auto cached = Find(name, forgotten_count)) return Result{std::move(cached), Origin::kCached};
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  Opening opening;
  PLUMBAGO_ASSIGN_OR_RETURN(auto opened, OpenPath(path, &opening));
  const SeriesFile* const own = opened.get();
  auto file = Insert(name, std::move(opened), *forgotten_count);
  if (file.get() != own) opening = {};  // who knows whether it is the same file
  return Result{std::move(file), Origin::kOpened, std::move(opening)};
}

absl::Status SeriesFiles::Lengthen(const SeriesName& name, const absl::Status& damage) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory root, Root());
  PLUMBAGO_ASSIGN_OR_RETURN(const base::OpenedFile opened, root->OpenForUpdate(path));
  PLUMBAGO_RETURN_IF_ERROR(whisper::Lengthen(*opened.file));
  lengthened_count_.fetch_add(1);
  base::LogWarning(absl::StrCat(std::string(damage.message()),
                                "; it is lengthened, keeps the points that it has, and what was "
                                "not synced before a power cut comes again"));
  return absl::OkStatus();
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

void SeriesFiles::Examine(const std::string& path) {
  Opening opening;
  OpenPath(path, &opening).status().IgnoreError();  // it notes what it finds
}

absl::StatusOr<std::shared_ptr<SeriesFile>> SeriesFiles::OpenPath(const std::string& path,
                                                                  Opening* opening) {
  PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory root, Root());
  auto opened = root->OpenForUpdate(path);
  if (!opened.ok()) {
    damaged_.Note(path, opened.status());
    return opened.status();
  }
  auto header = ReadHeader(*opened, &opening->beginning);
  if (!header.ok()) {
    const absl::Status status =
        base::Annotate(header.status(), absl::StrCat(options_.directory, "/", path));
    damaged_.Note(path, status);
    return status;
  }
  damaged_.Note(path, absl::OkStatus());
  opening->link_count = opened->info.link_count;
  return std::make_shared<SeriesFile>(std::move(opened->file), *std::move(header));
}

absl::StatusOr<std::shared_ptr<const whisper::Header>> SeriesFiles::ReadHeader(
    const base::OpenedFile& opened, std::string* beginning) {
  beginning->resize(beginning_bytes_.load(std::memory_order_relaxed));
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count,
                            opened.file->ReadAt(0, beginning->data(), beginning->size()));
  beginning->resize(count);
  auto known = FindHeader(*beginning);
  if (known != nullptr && known->file_bytes() <= opened.info.size_bytes) return known;
  PLUMBAGO_ASSIGN_OR_RETURN(whisper::Header header,
                            whisper::CheckHeader(*opened.file, opened.info.size_bytes, *beginning));
  return Intern(std::move(header));
}

absl::StatusOr<std::shared_ptr<SeriesFile>> SeriesFiles::Create(const std::string& path,
                                                                const whisper::Header& header,
                                                                Fill fill) {
  const size_t slash = path.rfind('/');
  PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory directory,
                            OpenOrMakeDirectory(path.substr(0, slash)));
  whisper::BaseTimes base_times;
  whisper::RecentArchives recent = whisper::NoPoints(header);
  PLUMBAGO_ASSIGN_OR_RETURN(
      auto file,
      whisper::CreateIn(*directory, path.substr(slash + 1), header, [&](base::File& draft) {
        return fill({draft, header, base_times, &recent});
      }));
  auto created = std::make_shared<SeriesFile>(std::move(file), Intern(header));
  base::MutexLock lock(created->mutex);
  created->base_times = std::move(base_times);
  created->recent = std::move(recent);
  return created;
}

absl::Status SeriesFiles::SetAside(const std::string& path) {
  const size_t slash = path.rfind('/');
  PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory root, Root());
  PLUMBAGO_ASSIGN_OR_RETURN(const auto directory, root->OpenDirectory(path.substr(0, slash)));
  const std::string name = path.substr(slash + 1);
  absl::Status renamed;
  for (int i = 1; i <= kSetAsideMax; ++i) {
    const std::string kept = absl::StrCat(name, ".damaged", i);
    renamed = directory->Rename(name, kept);
    if (absl::IsAlreadyExists(renamed)) continue;
    if (!renamed.ok()) return renamed;
    damaged_.Remove(path);
    set_aside_count_.fetch_add(1);
    base::LogWarning(absl::StrCat(path, " is empty, as a power cut leaves a file; it is kept as ",
                                  kept, " and made anew"));
    return absl::OkStatus();
  }
  return base::WithReason(
      absl::DataLossError(absl::StrCat(path, " is empty, and so were ", kSetAsideMax,
                                       " before it, which are kept as ", name,
                                       ".damaged1 and so on; remove them")),
      "empty");
}

std::shared_ptr<const whisper::Header> SeriesFiles::FindHeader(absl::string_view beginning) {
  const absl::StatusOr<uint64_t> header_bytes = whisper::HeaderBytes(beginning);
  if (!header_bytes.ok()) return nullptr;
  base::MutexLock lock(headers_mutex_);
  const auto found = headers_.find(beginning.substr(0, *header_bytes));
  return found == headers_.end() ? nullptr : found->second;
}

std::shared_ptr<const whisper::Header> SeriesFiles::Intern(whisper::Header header) {
  // A tree with more layouts than this is not one of ours; its headers are kept one by one.
  constexpr size_t kHeadersMax = 4096;
  if (header.format != whisper::Format::kClassic) {
    return std::make_shared<const whisper::Header>(std::move(header));
  }
  const size_t beginning_bytes = BeginningBytes(header);
  if (beginning_bytes > beginning_bytes_.load(std::memory_order_relaxed)) {
    beginning_bytes_.store(beginning_bytes, std::memory_order_relaxed);
  }
  std::string encoding = whisper::EncodeHeader(header);
  base::MutexLock lock(headers_mutex_);
  const auto found = headers_.find(encoding);
  if (found != headers_.end()) return found->second;
  auto shared = std::make_shared<const whisper::Header>(std::move(header));
  if (headers_.size() < kHeadersMax) headers_.emplace(std::move(encoding), shared);
  return shared;
}

absl::StatusOr<SeriesFiles::SharedDirectory> SeriesFiles::Root() {
  {
    base::MutexLock lock(directories_mutex_);
    if (root_ != nullptr) return root_;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(SharedDirectory root, file_system_.OpenDirectory(options_.directory));
  base::MutexLock lock(directories_mutex_);
  if (root_ == nullptr) root_ = std::move(root);
  return root_;
}

absl::StatusOr<SeriesFiles::SharedDirectory> SeriesFiles::OpenOrMakeDirectory(
    const std::string& path) {
  // New series come in the order of a tree, more or less.
  constexpr size_t kDirectoriesMax = 256;
  if (path.empty()) return Root();
  {
    base::MutexLock lock(directories_mutex_);
    const auto found = directories_.find(path);
    if (found != directories_.end()) return found->second;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory root, Root());
  absl::StatusOr<SharedDirectory> directory = root->OpenDirectory(path);
  if (absl::IsNotFound(directory.status())) {
    const size_t slash = path.rfind('/');
    const bool is_top = slash == std::string::npos;
    const std::string name = is_top ? path : path.substr(slash + 1);
    PLUMBAGO_ASSIGN_OR_RETURN(const SharedDirectory parent,
                              OpenOrMakeDirectory(is_top ? "" : path.substr(0, slash)));
    PLUMBAGO_RETURN_IF_ERROR(parent->CreateDirectory(name));
    directory = parent->OpenDirectory(name);
  }
  if (!directory.ok()) return directory;
  base::MutexLock lock(directories_mutex_);
  if (directories_.size() >= kDirectoriesMax) directories_.clear();
  return directories_.emplace(path, *std::move(directory)).first->second;
}

void SeriesFiles::ForgetDirectories() {
  base::MutexLock lock(directories_mutex_);
  directories_.clear();
  root_.reset();
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
  const bool is_full = shard.entries.size() >= open_files_max_per_shard_;
  if (is_full) Evict(shard, &evicted);
  const bool is_kept = !is_full || shard.newcomer_count++ % kNewcomersPerKept == 0;
  const auto entry = shard.entries.insert(is_kept ? shard.entries.begin() : shard.entries.end(),
                                          {name.key(), file});
  shard.by_key.emplace(entry->key, entry);
  return file;
}

// Rather one that nobody uses: for a second opening of the same file the lock of the first is none.
void SeriesFiles::Evict(Shard& shard, std::list<Entry>* evicted) {
  auto entry = std::prev(shard.entries.end());
  for (int i = 0; i < kInUseMax && entry->file.use_count() > 1; ++i) {
    if (entry == shard.entries.begin()) break;
    --entry;
  }
  shard.by_key.erase(entry->key);
  evicted->splice(evicted->begin(), shard.entries, entry);
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

void SeriesFiles::ForgetUnless(const SeriesName& name, uint64_t inode) {
  std::shared_ptr<SeriesFile> file;
  {
    Shard& shard = ShardOf(name);
    base::MutexLock lock(shard.mutex);
    const auto found = shard.by_key.find(name.key());
    if (found == shard.by_key.end()) return;
    file = found->second->file;
  }
  if (file->file().Inode() != inode) Forget(name);
}

void SeriesFiles::ForgetAll() {
  ForgetDirectories();
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

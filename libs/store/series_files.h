// The open whisper files of a store: a bounded cache of descriptors with their headers.
//
// Thread-safe. A file is opened or created when it is first asked for, and closed when others were
// used more recently, but most newcomers make room for the next newcomer: where more series than
// descriptors are written in turn, the least recently used one is always the next to be needed, and
// so some stay open all the time instead of none. Whoever still holds a file may finish. Files of
// other tools are served like our own. Symbolic links, pipes and the like are not: everything is
// opened beneath the descriptor of the whisper directory, which nothing leads out of.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "index/series_info.h"
#include "store/damaged_files.h"
#include "store/series_name.h"
#include "whisper/file.h"

namespace plumbago::store {

// `mutex` is held while the file is read or written, against the rule of no I/O under a lock: a
// slot has 12 bytes, and a reader beside a writer could see half of it. The lock is that of one
// series, and the I/O that of the page cache.
class SeriesFile {
 public:
  SeriesFile(std::unique_ptr<base::File> file, std::shared_ptr<const whisper::Header> header)
      : file_(std::move(file)), header_(std::move(header)) {}

  const whisper::Header& header() const { return *header_; }
  base::File& file() { return *file_; }
  whisper::OpenFile open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return open(*file_); }
  // With `instead`, which stands for file().
  whisper::OpenFile open(base::File& instead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return {instead, *header_, base_times, &recent};
  }

 private:
  const std::unique_ptr<base::File> file_;
  const std::shared_ptr<const whisper::Header> header_;  // shared by all series with this layout

 public:
  base::Mutex mutex;
  whisper::BaseTimes base_times ABSL_GUARDED_BY(mutex);
  whisper::RecentArchives recent ABSL_GUARDED_BY(mutex);
  // Owned by the thread that writes the series: when it was seen last that the file has one name.
  uint64_t links_checked = 0;
};

class SeriesFiles {
 public:
  struct Options {
    std::string directory;  // holds a directory for each tenant
    size_t open_files_max = 10'000;
  };
  // What an opening has read. The thread that writes the series may rely on it until it writes.
  struct Opening {
    std::string beginning = "";  // of the file, as whisper::BegunFile takes it; may be empty
    uint64_t link_count = 0;     // 0: not known
  };
  enum class Origin { kCached, kOpened, kCreated };
  struct Result {
    std::shared_ptr<SeriesFile> file;  // shared by this cache and whoever uses it now
    Origin origin = Origin::kCached;
    Opening opening = {};  // unless it is kCached
  };
  // Writes the first points into a file that nobody else sees yet.
  using Fill = absl::FunctionRef<absl::Status(const whisper::OpenFile& file)>;

  // `file_system` must outlive this.
  SeriesFiles(base::FileSystem& file_system, Options options);

  // NotFound: there is no such series. InvalidArgument: no series can have this name. DataLoss: the
  // file is damaged, or is no file. Others: the disk.
  absl::StatusOr<Result> Open(const SeriesName& name);

  // As Open, for an update, by the thread that writes the series: a file that has other names too
  // (hard links, as those of a snapshot) is replaced by a copy first, so that they keep what they
  // have. A file that is shorter than its archives, which a power cut leaves of a creation where
  // the file system loses a length, is lengthened (docs/formats/whisper.md says why that is right).
  absl::StatusOr<Result> OpenForUpdate(const SeriesName& name);

  // The header of a file to make, or why there shall be none.
  using MakeHeader = absl::FunctionRef<absl::StatusOr<whisper::Header>()>;

  // As OpenForUpdate, but makes the file where there is none, with what `fill` writes: then the
  // origin is kCreated. `make_header` is called only then, and its error is the answer. For one
  // series by one thread at a time. A file without content, which is what a power cut leaves of a
  // creation, is renamed to NAME.wsp.damaged1 (.damaged2, ... .damaged9 where that is taken; then
  // DataLoss).
  absl::StatusOr<Result> OpenOrCreate(const SeriesName& name, MakeHeader make_header, Fill fill);

  // Whether the file at `path` below the directory can be used, into damaged().
  void Examine(const std::string& path);

  // Writes down the names of new tagged series, which their paths do not tell: before they are
  // added to the index.
  absl::Status KeepTaggedNames(absl::string_view tenant,
                               absl::Span<const index::SeriesEntry> added);

  // Files may have got other names. While no series is written; seen by the next OpenForUpdate of
  // each.
  void ExpectNewLinks() { ++links_epoch_; }

  // Closes all, so that files which other tools have replaced or removed are seen.
  void ForgetAll();
  void Forget(const SeriesName& name);
  // Closes it unless it is the file with this number.
  void ForgetUnless(const SeriesName& name, uint64_t inode);
  // Closes the directories that are kept open for creations.
  void ForgetDirectories();

  size_t open_count() const;
  DamagedFiles& damaged() { return damaged_; }

  // Since the last call: files that were lengthened, and files without content that were set aside.
  struct Mended {
    uint64_t lengthened_count = 0;
    uint64_t set_aside_count = 0;
  };
  Mended TakeMended() { return {lengthened_count_.exchange(0), set_aside_count_.exchange(0)}; }

 private:
  using SharedDirectory = std::shared_ptr<base::Directory>;  // by the cache and who creates in it
  struct Entry {
    std::string key;
    std::shared_ptr<SeriesFile> file;
  };
  // Each has its own lock and its share of open_files_max.
  struct Shard {
    mutable base::Mutex mutex;
    // The most recently used first, then newcomers that are the next to go.
    std::list<Entry> entries ABSL_GUARDED_BY(mutex);
    uint64_t newcomer_count ABSL_GUARDED_BY(mutex) = 0;  // while it was full
    // Keys are views into `entries`.
    absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> by_key
        ABSL_GUARDED_BY(mutex);
    // Counts what was forgotten: a file that was opened before is not put in afterwards.
    uint64_t forgotten_count ABSL_GUARDED_BY(mutex) = 0;
  };

  Shard& ShardOf(const SeriesName& name) { return shards_[(name.hash() >> 48) % kShardCount]; }
  // `forgotten_count` is for Insert.
  std::shared_ptr<SeriesFile> Find(const SeriesName& name, uint64_t* forgotten_count);
  // What is to be used: `file`, or one that another thread has put in meanwhile.
  std::shared_ptr<SeriesFile> Insert(const SeriesName& name, std::shared_ptr<SeriesFile> file,
                                     uint64_t forgotten_count);
  absl::StatusOr<Result> OpenOrFind(const SeriesName& name, uint64_t* forgotten_count);
  absl::Status Lengthen(const SeriesName& name, const absl::Status& damage);
  absl::Status ReplaceByCopy(const SeriesName& name);
  absl::StatusOr<std::shared_ptr<SeriesFile>> OpenPath(const std::string& path, Opening* opening);
  // Checked against the length of the file, whose beginning it reads.
  absl::StatusOr<std::shared_ptr<const whisper::Header>> ReadHeader(const base::OpenedFile& opened,
                                                                    std::string* beginning);
  // AlreadyExists where the path is taken.
  absl::StatusOr<std::shared_ptr<SeriesFile>> Create(const std::string& path,
                                                     const whisper::Header& header, Fill fill);
  // Takes out the entry that is to be closed.
  static void Evict(Shard& shard, std::list<Entry>* evicted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  absl::Status SetAside(const std::string& path);
  std::shared_ptr<const whisper::Header> Intern(whisper::Header header);
  // nullptr where no file had this header before.
  std::shared_ptr<const whisper::Header> FindHeader(absl::string_view beginning);
  absl::StatusOr<SharedDirectory> Root();
  // Makes what is missing of it. `path`: without a slash at its end; empty: the root.
  absl::StatusOr<SharedDirectory> OpenOrMakeDirectory(const std::string& path);

  static constexpr size_t kShardCount = 16;

  base::FileSystem& file_system_;
  const Options options_;
  const size_t open_files_max_per_shard_;
  DamagedFiles damaged_;
  std::atomic<uint64_t> lengthened_count_{0};
  std::atomic<uint64_t> set_aside_count_{0};
  Shard shards_[kShardCount];
  // What is worth reading when a file is opened; a hint, relaxed.
  std::atomic<size_t> beginning_bytes_{whisper::kHeaderBytesMax};
  // Written while no series is written, which orders it with the writers' reads.
  std::atomic<uint64_t> links_epoch_{1};

  base::Mutex directories_mutex_;
  SharedDirectory root_ ABSL_GUARDED_BY(directories_mutex_);
  absl::flat_hash_map<std::string, SharedDirectory> directories_
      ABSL_GUARDED_BY(directories_mutex_);

  base::Mutex headers_mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const whisper::Header>> headers_
      ABSL_GUARDED_BY(headers_mutex_);  // by their encoding
};

}  // namespace plumbago::store

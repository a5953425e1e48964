// What operators' jobs do to single series of the tree: set aside, put in, look at. Files, index
// and open descriptors stay in line, and points that arrive meanwhile are kept.
//
// Thread-safe; blocks until the thread that writes the series has done it. Unavailable: the store
// is draining. Other errors leave the series as it was, or are mended by the next scan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "index/series_index.h"
#include "store/series_name.h"
#include "store/series_set.h"
#include "store/store.h"

namespace plumbago::store {

enum class PutMode {
  kCreateOrFill,  // a series that is there has its gaps filled
  kFillOnly,      // a series that is not there is left out
  kCreateOnly,    // a series that is there is left alone
};

enum class PutOutcome { kInstalled, kFilled, kExists, kAbsent };

class SeriesTree {
 public:
  // A job that would change more series is refused: its list is held in memory.
  static constexpr size_t kSelectedMax = 2'000'000;

  struct Dependencies {
    base::Clock& clock;
    base::FileSystem& file_system;
    index::SeriesIndex& index;
    Store& store;
  };

  // `directory` is that of the whisper files. All must outlive this.
  SeriesTree(const Dependencies& dependencies, std::string directory)
      : dependencies_(dependencies), directory_(std::move(directory)) {}

  // The series that `pattern` matches as a find does (only leaves; a trailing `**` takes all below;
  // a tagged series by its name), in byte order; an empty pattern: all series of the tenant.
  // InvalidArgument: the pattern. ResourceExhausted: more than kSelectedMax.
  absl::StatusOr<std::vector<std::string>> Select(absl::string_view tenant,
                                                  absl::string_view pattern) const;

  // NotFound: there is no file.
  absl::StatusOr<base::FileInfo> Stat(const SeriesName& name) const;
  absl::StatusOr<std::string> PathOf(const SeriesName& name) const;

  // Takes the series out of the tree and into `set`, whose names it is among already. Returns the
  // bytes of its file. NotFound: there was no file (any more).
  absl::StatusOr<uint64_t> SetAside(const SeriesName& name, const SeriesSet& set);

  // Puts in the series whose whisper file is at `path` on the same file system; kInstalled has
  // moved it away, after any other outcome it is still there. DataLoss: one of the two files is
  // damaged; FailedPrecondition: the present one is compressed by go-carbon.
  absl::StatusOr<PutOutcome> Put(const SeriesName& name, const std::string& path, PutMode mode);

  // Replaces the series, if it is there, by a second name of the file at `path`, which stays. What
  // it was goes into `replaced`, whose names it is among already. Returns the bytes set aside.
  absl::StatusOr<uint64_t> LinkIn(const SeriesName& name, const std::string& path,
                                  const SeriesSet& replaced);

  // A copy of the file as it is between two updates. `path` must not exist.
  absl::Status CopyOut(const SeriesName& name, const std::string& path);

  // Removes the directories that the files of `metrics` were in, as far as they are empty.
  void RemoveEmptyDirectories(absl::string_view tenant, absl::Span<const std::string> metrics);

  Store& store() const { return dependencies_.store; }
  base::FileSystem& file_system() const { return dependencies_.file_system; }
  base::Clock& clock() const { return dependencies_.clock; }
  const index::SeriesIndex& index() const { return dependencies_.index; }
  const std::string& directory() const { return directory_; }

 private:
  // PathOf, for whoever moves what is there. FailedPrecondition where the way to it leads through a
  // symbolic link or something else that is no directory.
  absl::StatusOr<std::string> SafePathOf(const SeriesName& name) const;
  // For the thread that writes the series.
  absl::StatusOr<uint64_t> MoveAside(const SeriesName& name, const SeriesSet& set);
  absl::StatusOr<PutOutcome> PutNow(const SeriesName& name, const std::string& path, PutMode mode);
  absl::Status Fill(SeriesFile& target, const std::string& source_path);
  absl::Status AddToIndex(const SeriesName& name);

  const Dependencies dependencies_;
  const std::string directory_;
};

}  // namespace plumbago::store

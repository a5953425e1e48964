// Brings the index in line with the whisper files on disk: files that another tool has put into the
// tree are added, series whose file is gone are removed, and of the others size and time of the
// last change are noted.
//
// With SeenDirectories only those directories are looked into whose entries have changed since the
// scan before; the others cost one call, and their series keep the size and time that were noted.
// Only <tenant>/**.wsp are looked at; symbolic links are not followed. The names of tagged series
// cannot be read from their paths: they come from <tenant>/_tagged/names, which the store keeps, so
// foreign ones are not found (an exact fetch does find them).
// Temporary files that a crash left of creations (**.wsp.tmp) are removed.
// Blocks for as long as a walk over the tree takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "base/file_system.h"
#include "index/series_index.h"
#include "store/seen_directories.h"
#include "store/series_name.h"

namespace plumbago::store {

struct ScanResult {
  size_t file_count = 0;     // whisper files that are series, where a look was taken
  size_t ignored_count = 0;  // whisper files whose path is no series
  size_t added_count = 0;
  size_t removed_count = 0;
  size_t leftover_count = 0;  // temporary files removed
};

// What the scan sees, for others to act upon.
struct ScanObserver {
  virtual ~ScanObserver() = default;
  // A series of the index, tagged ones too, and what is at its path.
  virtual void OnSeries(const SeriesName& name, const base::FileInfo& file) = 0;
  virtual void OnMissing(const SeriesName& name) = 0;
};

struct ScanOptions {
  // Temporary files modified before, which is when this process started, are those of one that is
  // no more; 0: none is removed.
  int64_t leftovers_before_unix_seconds = 0;
  std::function<void(const ScanResult&)> on_progress = {};  // called now and then
  ScanObserver* observer = nullptr;                         // optional, as is what follows
  SeenDirectories* seen = nullptr;                          // after its Begin()
};

// `directory` holds a directory for each tenant; one that is missing is an empty one. Ends early,
// without error, when `should_stop` says so. A directory that cannot be read is logged and passed
// over. Errors are the index's.
absl::StatusOr<ScanResult> ScanTree(base::FileSystem& file_system, const std::string& directory,
                                    index::SeriesIndex& index,
                                    const std::function<bool()>& should_stop,
                                    const ScanOptions& options = {});

}  // namespace plumbago::store

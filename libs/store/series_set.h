// Series that lie aside of the tree: an entry of the trash, or a snapshot. A directory with the
// files, their names and what it is (docs/formats/series_set.md).
//
// Values and functions without state; block on the disk. What is done to one set is serialised by
// the caller (JobRunner's one thread).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/file_system.h"
#include "store/series_name.h"

namespace plumbago::store {

struct SeriesSetAbout {
  std::string name;         // of the set: the last part of its directory
  std::string description;  // one line for people
  int64_t created_unix_seconds = 0;
  uint64_t series_count = 0;
  uint64_t file_bytes = 0;
};

class SeriesSet {
 public:
  // `directory` is <kind>/<tenant>/<name>; nothing is made yet.
  SeriesSet(base::FileSystem& file_system, std::string directory)
      : file_system_(file_system), directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }

  // Where the file of `name` is or is to be. Errors of SeriesPath.
  absl::StatusOr<std::string> PathOf(const SeriesName& name) const;

  // Before the files: what has no name is not found again.
  absl::Status AddNames(absl::Span<const std::string> metrics);
  // Durable; makes the set one that List shows.
  absl::Status WriteAbout(const SeriesSetAbout& about);
  // NotFound: there is no such set, or it was not completed. DataLoss: it is no such file.
  absl::StatusOr<SeriesSetAbout> ReadAbout() const;

  // The series whose files are there, with their sizes, each once, until `visit` returns false.
  absl::Status ForEach(absl::string_view tenant,
                       absl::FunctionRef<bool(const SeriesName& name, uint64_t file_bytes)> visit);

  // Whether there is any file, also such as ForEach does not find for want of its name.
  absl::StatusOr<bool> HasFiles() const;

  // With everything in it. What it is goes first, so that half a set is never shown.
  absl::Status Remove();

 private:
  base::FileSystem& file_system_;
  const std::string directory_;
};

// The sets in `directory` (<kind>/<tenant>), newest first. Others than sets are passed over.
absl::StatusOr<std::vector<SeriesSetAbout>> ListSeriesSets(base::FileSystem& file_system,
                                                           const std::string& directory);

// What the user called it: [a-z0-9-]{1,63}, or an id of our own. InvalidArgument.
absl::Status CheckSetName(absl::string_view name);

// Rename and Link to a path whose directory may be missing, which is then made.
absl::Status RenameInto(base::FileSystem& file_system, const std::string& from,
                        const std::string& to);
absl::Status LinkInto(base::FileSystem& file_system, const std::string& from,
                      const std::string& to);

}  // namespace plumbago::store

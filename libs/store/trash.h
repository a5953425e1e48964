// What was deleted or expired, for as long as it can be restored: sets of series in
// <trash>/<tenant>/<id>.
//
// Plans are made on any thread; their work, and PurgeExpired, on the one of JobRunner. Entries are
// made by jobs only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "store/job_runner.h"
#include "store/series_set.h"
#include "store/series_tree.h"

namespace plumbago::store {

class Trash {
 public:
  // One entry while a job fills it. Nothing is on the disk before the first names.
  class Entry {
   public:
    // Before the series are set aside. Durable as a whole with the next checkpoint.
    absl::Status AddNames(absl::Span<const std::string> metrics);
    const SeriesSet& set() const { return set_; }
    void Count(uint64_t file_bytes);
    // Also after an error: so that what is in it can be seen and restored.
    absl::Status Close();

   private:
    friend class Trash;
    Entry(SeriesSet set, SeriesSetAbout about) : set_(std::move(set)), about_(std::move(about)) {}

    SeriesSet set_;
    SeriesSetAbout about_;
    bool is_made_ = false;
  };

  struct Options {
    std::string directory;
    absl::Duration retention = absl::Hours(7 * 24);
  };

  // `tree` must outlive this.
  Trash(SeriesTree& tree, Options options) : tree_(tree), options_(std::move(options)) {}

  // InvalidArgument: neither pattern nor metrics, or both.
  absl::StatusOr<JobRunner::Planned> PlanDelete(const std::string& tenant,
                                                const v1::DeleteSeries& request, bool is_dry_run);
  absl::StatusOr<JobRunner::Planned> PlanExpire(const std::string& tenant,
                                                const v1::ExpireSeries& request, bool is_dry_run);
  // NotFound: there is no such entry.
  absl::StatusOr<JobRunner::Planned> PlanRestore(const std::string& tenant,
                                                 const v1::RestoreTrash& request, bool is_dry_run);

  // Newest first.
  absl::StatusOr<std::vector<SeriesSetAbout>> List(absl::string_view tenant) const;
  absl::Duration retention() const { return options_.retention; }

  Entry NewEntry(absl::string_view tenant, absl::string_view description) const;

  // Removes for good what was deleted longer ago than the retention. Errors are logged.
  void PurgeExpired();

 private:
  // Series modified at or after `before` are left alone; absent: none is.
  absl::Status Delete(JobProgress& progress, const JobRunner::Description& job,
                      const std::string& pattern, std::optional<int64_t> before_unix_seconds);
  // Only tells, in a dry run.
  absl::Status SetAside(JobProgress& progress, const JobRunner::Description& job,
                        const std::vector<std::string>& metrics);
  absl::Status Restore(JobProgress& progress, const JobRunner::Description& job,
                       const std::string& id);
  std::string DirectoryOf(absl::string_view tenant) const;

  SeriesTree& tree_;
  const Options options_;
};

}  // namespace plumbago::store

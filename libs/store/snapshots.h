// Snapshots of a tenant: all its series as they are at one moment, as hard links in
// <snapshots>/<tenant>/<name>. Taking one writes no points; the first update of a series after it
// copies the file (store/series_files.h).
//
// Plans are made on any thread, their work is run by JobRunner.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/job_runner.h"
#include "store/series_set.h"
#include "store/series_tree.h"
#include "store/trash.h"

namespace plumbago::store {

class Snapshots {
 public:
  // Both must outlive this.
  Snapshots(SeriesTree& tree, const Trash& trash, std::string directory)
      : tree_(tree), trash_(trash), directory_(std::move(directory)) {}

  // Has the series that the index has. All writes of the store wait while the links are made.
  // AlreadyExists: the name is taken. InvalidArgument: it cannot be one.
  absl::StatusOr<JobRunner::Planned> PlanCreate(const std::string& tenant,
                                                const v1::CreateSnapshot& request, bool is_dry_run);
  // The tenant has exactly the series of the snapshot afterwards; those it had are in the trash.
  // NotFound: there is no such snapshot.
  absl::StatusOr<JobRunner::Planned> PlanRestore(const std::string& tenant,
                                                 const v1::RestoreSnapshot& request,
                                                 bool is_dry_run);
  absl::StatusOr<JobRunner::Planned> PlanDrop(const std::string& tenant,
                                              const v1::DropSnapshot& request, bool is_dry_run);

  // Newest first.
  absl::StatusOr<std::vector<SeriesSetAbout>> List(absl::string_view tenant) const;

 private:
  absl::Status Create(JobProgress& progress, const JobRunner::Description& job,
                      const std::string& name);
  absl::Status LinkAll(JobProgress& progress, const std::string& tenant, SeriesSet& set,
                       SeriesSetAbout* about);
  absl::Status MakeDirectories(const std::string& tenant, const SeriesSet& set);
  absl::Status Restore(JobProgress& progress, const JobRunner::Description& job,
                       const std::string& name);
  absl::StatusOr<SeriesSet> Find(const std::string& tenant, const std::string& name) const;
  std::string DirectoryOf(absl::string_view tenant) const;

  SeriesTree& tree_;
  const Trash& trash_;
  const std::string directory_;
};

}  // namespace plumbago::store

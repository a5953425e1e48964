// Jobs that look at the whole tree: the rescan, and the search for damaged and foreign files.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "store/job_runner.h"
#include "store/series_tree.h"

namespace plumbago::store {

// Brings the index in line with the files, of all tenants. `tree` must outlive the job.
absl::StatusOr<JobRunner::Planned> PlanRescan(SeriesTree& tree);

// Reads every file of the tenant (empty: of all) and tells, as items, which ones are damaged,
// unreadable, no series or no regular file. Changes nothing. They are counted as failed, sound ones
// as done; other files than whisper files as skipped.
absl::StatusOr<JobRunner::Planned> PlanVerify(SeriesTree& tree, const std::string& tenant);

}  // namespace plumbago::store

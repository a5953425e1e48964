// The job that gives drifted files the layout of the storage policy.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "store/job_runner.h"
#include "store/series_converter.h"

namespace plumbago::store {

struct ConvertRequest {
  std::string tenant;
  std::string pattern;  // index::SeriesIndex::ListMatching; empty: all series
  bool is_dry_run = false;
  double series_per_second = 0;  // conversions; 0: kConversionsPerSecond
};

// A conversion holds up the writer of the series for a sync of the disk, so some 10 ms.
inline constexpr double kConversionsPerSecond = 20;

// More than these are left to the next job, which is said: their names are held in memory.
inline constexpr size_t kConversionsMax = 2'000'000;

// Each drifted series is an item, and the last one has the sums. Series that are as the policy
// wants them count as done without an item. The job's bytes are those of the new files. Everything
// must outlive the job. InvalidArgument: tenant, pattern or rate.
absl::StatusOr<JobRunner::Planned> PlanConvert(base::Clock& clock, const index::SeriesIndex& index,
                                               SeriesConverter& converter,
                                               const ConvertRequest& request);

}  // namespace plumbago::store

// What jobs that go through a list of series have in common.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "store/job_runner.h"
#include "store/series_name.h"

namespace plumbago::store {

// Calls `step` for each series until the job is cancelled, and counts what it returns: OK is done;
// NotFound (gone meanwhile) and AlreadyExists (left alone) are skipped and told; Unavailable and
// Cancelled end the job; any other is a failure of this series, told as an item.
absl::Status ForEachSeries(JobProgress& progress, absl::string_view tenant,
                           absl::Span<const std::string> metrics,
                           absl::FunctionRef<absl::Status(const SeriesName& name)> step);

}  // namespace plumbago::store

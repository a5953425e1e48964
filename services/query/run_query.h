// The query service, from its flags to its end.
#pragma once

#include "absl/status/status.h"
#include "query_flags.h"
#include "service/runtime.h"

namespace plumbago::query {

// Serves until the process is told to stop, then drains. Errors name the flag or the file.
absl::Status RunQuery(const QueryFlags& flags, service::Runtime& runtime);

}  // namespace plumbago::query

// Series without points, made as the first point of each would make them: by the policy, within
// the quotas, in the index.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/store.h"
#include "store/write_session.h"

namespace plumbago::store_service {

// Blocks until those that were not there are, and returns what was refused: a series_id is an index
// into `metrics`. Errors as of Store::Submit.
absl::StatusOr<std::vector<store::RefusedSeries>> CreateWithoutPoints(
    store::Store& store, const std::string& tenant, const std::vector<std::string>& metrics);

}  // namespace plumbago::store_service

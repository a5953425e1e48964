// Expansion of {a,b} in the pattern of one node. Internal to glob.cc.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::metric::internal {

// The alternatives of `pattern`, ordered, distinct, at least one. A brace without its partner is an
// ordinary character. InvalidArgument above the limits of glob.h.
absl::StatusOr<std::vector<std::string>> ExpandBraces(absl::string_view pattern);

}  // namespace plumbago::metric::internal

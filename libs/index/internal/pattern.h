// The patterns of the index: as metric::CompilePath, but a trailing `**` takes everything below.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metric/glob.h"

namespace plumbago::index::internal {

inline absl::StatusOr<std::vector<metric::Glob>> CompilePattern(absl::string_view pattern) {
  auto globs = metric::CompilePath(pattern);
  if (globs.ok() && globs->back().is_globstar()) {
    globs->push_back(metric::Glob::Compile("*").value());
  }
  return globs;
}

}  // namespace plumbago::index::internal

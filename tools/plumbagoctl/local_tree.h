// A whisper tree on this machine, as `import` and `fill` read it. For one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace plumbago::ctl {

struct LocalSeries {
  std::string path;
  std::string metric;
  uint64_t file_bytes = 0;
};

struct LocalTree {
  std::vector<LocalSeries> series;       // by path
  std::vector<std::string> passed_over;  // paths with the reason, of what is no series
  uint64_t byte_count = 0;
};

// All *.wsp below `directory`, without following symbolic links. Names are those of the paths with
// `prefix` (whole nodes, may be empty) in front; those of files below _tagged come from
// `tag_names_file` (canonical names, one a line; empty: <directory>/_tagged/names). NotFound: there
// is no such directory or file.
absl::StatusOr<LocalTree> ReadLocalTree(base::FileSystem& file_system, const std::string& directory,
                                        const std::string& prefix,
                                        const std::string& tag_names_file);

}  // namespace plumbago::ctl

// Gives a whisper file other archives, keeping every point that they can hold, as whisper-resize.
//
// Nobody may write to the file meanwhile. Crash-safe: the file under `path` is the old one or the
// complete new one, except that with a backup there is a moment between two renames where only the
// backup has a name; a crash there leaves `path` + ".bak", to be renamed back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "whisper/header.h"

namespace plumbago::whisper {

enum class Migration {
  // Points go over as they are, the coarsest archive first, so that finer ones override it.
  kCopy,
  // Points of a finer step are aggregated over each step of a new archive, by method and factor of
  // the new file.
  kAggregate,
};

struct ResizeOptions {
  std::vector<ArchiveSpec> archives;
  std::optional<float> x_files_factor;  // absent: that of the old file
  // Absent: that of the old file, unless it is compressed: its method may not exist in whisper.
  std::optional<AggregationMethod> method;
  Migration migration = Migration::kCopy;
  int64_t now = 0;  // seconds
};

// Makes `target_path`, which must not exist, from `source_path`. Synced. On error there is no
// target. Returns the header of the new file.
absl::StatusOr<Header> ResizeInto(base::FileSystem& file_system, const std::string& source_path,
                                  const std::string& target_path, const ResizeOptions& options);

enum class Backup { kKeep, kRemove };

// Replaces the file. The old one is kept as `path` + ".bak" (replacing an earlier backup) if so
// wanted. `path` + ".tmp", the remains of an earlier attempt, is removed.
absl::StatusOr<Header> ResizeInPlace(base::FileSystem& file_system, const std::string& path,
                                     const ResizeOptions& options, Backup backup);

}  // namespace plumbago::whisper

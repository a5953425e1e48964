// Copies the points of one whisper file into another with the same archives, and compares two.
//
// As whisper.merge and whisper.diff. Both files are open; calls for the same file must be
// serialised. InvalidArgument where the archives differ, and for an interval that ends before it
// begins; otherwise errors are those of whisper/file.h. A merge that fails part-way may have copied
// some points; to do it again is harmless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "whisper/file.h"

namespace plumbago::whisper {

struct MergeRange {
  int64_t from = 0;   // seconds, exclusive
  int64_t until = 0;  // seconds, inclusive
  int64_t now = 0;    // seconds, reference of the retentions
};

// Every archive gets the points of its counterpart in `source`, which win over those it has; each
// copy is also aggregated into the coarser archives of `target`.
absl::Status Merge(const OpenFile& source, const OpenFile& target, const MergeRange& range);

enum class EmptySlots {
  kDiffer,  // a point that only one file has is a difference
  kIgnore,  // only slots with a point in both files are compared
};

struct PointDifference {
  int64_t time = 0;  // seconds
  std::optional<double> first;
  std::optional<double> second;
};

struct ArchiveDifference {
  size_t archive_index = 0;
  std::vector<PointDifference> points;  // ascending by time
  size_t compared_count = 0;
};

// One entry for each archive. The times that a finer archive covers are compared there only. A NaN
// differs from everything, NaN included, as in whisper.diff.
absl::StatusOr<std::vector<ArchiveDifference>> Diff(const OpenFile& first, const OpenFile& second,
                                                    int64_t until, int64_t now,
                                                    EmptySlots empty_slots);

}  // namespace plumbago::whisper

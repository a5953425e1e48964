// Reading with "no point" kept apart from a point of NaN, for what copies, compares and prints
// files. Queries use Fetch of whisper/file.h, where both are NaN.
//
// As there: no state, serialise calls for one file, all block on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "whisper/file.h"
#include "whisper/updater.h"

namespace plumbago::whisper {

// Slots at start, start + step, ...
struct SlotValues {
  int64_t start = 0;  // seconds
  uint32_t step = 0;  // at least 1
  std::vector<std::optional<double>> values;

  int64_t end() const { return start + int64_t{step} * static_cast<int64_t>(values.size()); }
};

// As Fetch.
absl::StatusOr<SlotValues> FetchSlots(const OpenFile& file, const FetchRange& range);

// From one archive, whatever the age: `from` is exclusive and `until` inclusive, at its step; at
// least one slot and at most one turn of the ring, its oldest part. `from` <= `until`.
absl::StatusOr<SlotValues> FetchArchive(const OpenFile& file, size_t archive_index, int64_t from,
                                        int64_t until);

// The points that are there, ascending by time.
std::vector<Point> PointsOf(const SlotValues& slots);

}  // namespace plumbago::whisper

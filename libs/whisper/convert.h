// Gives the points of a whisper file another layout, keeping every point that the new archives can
// hold. For the store, which converts files of its own while they are in use; plumbago-whisper
// resize has whisper-resize's rules instead (whisper/resize.h).
//
// What a slot of a new archive gets, for the time that it covers:
//  1. the old archive of the same step has a point: that one, unchanged;
//  2. finer old archives have points: these, aggregated by the new method. Where a finer new
//     archive holds them too, the new xFilesFactor decides as for any rollup; where none does, or a
//     coarser old archive had a point of them, one would be gone, and they are aggregated however
//     few there are. Near the end of a finer archive's
//     retention, where it has only a part of a coarser step, the coarser point is taken;
//  3. a coarser old archive has a point that begins in it, and nothing finer tells of that point's
//     time: this point, as it is.
// So a point of a sum is never counted twice, and no slot gets a value without a point behind it.
// Points in the future are kept where their slots are free.
//
// Functions hold no state. Nobody may write to the source meanwhile. All block on the disk.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "whisper/file.h"

namespace plumbago::whisper {

struct ConversionCounts {
  uint64_t points_kept = 0;     // as they are
  uint64_t points_dropped = 0;  // older than the new archives reach, or merged into coarser points
};

// Whether a file with header `present` has other archives, method or factor than `wanted`, or is
// compressed.
bool HasDrifted(const Header& present, const Header& wanted);
// Whether it needs other archives or another format: more than a WriteMetadata.
bool NeedsConversion(const Header& present, const Header& wanted);

// What ConvertInto would return. Beside a writer the counts may be off by its points.
absl::StatusOr<ConversionCounts> PreviewConversion(const OpenFile& source, const Header& wanted,
                                                   int64_t now);

// Makes `target_path` with header `wanted`, replacing what is there; its blocks are reserved, and
// it is synced, its directory is not. On error there is no target. Takes memory for all points of
// the source and for one archive of the target.
absl::StatusOr<ConversionCounts> ConvertInto(base::FileSystem& file_system, const OpenFile& source,
                                             const std::string& target_path, const Header& wanted,
                                             int64_t now);

}  // namespace plumbago::whisper

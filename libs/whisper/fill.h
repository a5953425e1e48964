// Closes the gaps of one whisper file with the points of another: a gap takes the finest points
// that the source has for it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "whisper/file.h"

namespace plumbago::whisper {

enum class GapRule {
  // As whisper-fill: a run of slots without a point or with a 0, longer than one step or reaching
  // to
  // the present. The point at its end is overwritten too, where the source has it.
  kWhisperFill,
  // Slots without a point. Nothing that is there is overwritten.
  kMissingOnly,
};

// The times that a finer archive covers are looked for gaps there only. The two
// files may have different archives. Both are open; calls for the same file must be serialised.
// Errors are those of whisper/file.h; to do it again is harmless.
absl::Status FillGaps(const OpenFile& source, const OpenFile& target, int64_t now, GapRule rule);

}  // namespace plumbago::whisper

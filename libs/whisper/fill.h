// Closes the gaps of one whisper file with the points of another, as whisper-fill does: nothing
// that is there is overwritten, and a gap takes the finest points that the source has for it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "whisper/file.h"

namespace plumbago::whisper {

// A gap is a run of slots of an archive without a point or with a 0, longer than one step or
// reaching to the present; the times that a finer archive covers are looked at there only. The two
// files may have different archives. Both are open; calls for the same file must be serialised.
// Errors are those of whisper/file.h; to do it again is harmless.
absl::Status FillGaps(const OpenFile& source, const OpenFile& target, int64_t now);

}  // namespace plumbago::whisper

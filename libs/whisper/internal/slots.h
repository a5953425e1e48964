// Positional reads and writes of runs of slots in an archive, around the end of its ring. Internal
// to libs/whisper.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "whisper/header.h"

namespace plumbago::whisper::internal {

// The time in slot 0, which all other slots are counted from; 0: the archive is empty.
absl::StatusOr<uint32_t> ReadBaseTime(base::File& file, const Archive& archive);

// `count` <= point_count slots from `slot` on into `bytes`; one read, two around the end.
absl::Status ReadSlots(base::File& file, const Archive& archive, uint64_t slot, uint64_t count,
                       std::string* bytes);

// Writes the points of `bytes`, whole slots, at most point_count of them; one write, two around
// the end.
absl::Status WriteSlots(base::File& file, const Archive& archive, uint64_t slot,
                        absl::string_view bytes);

}  // namespace plumbago::whisper::internal

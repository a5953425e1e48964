// Points out of a block of a compressed whisper file: a bit stream of differences, after Gorilla
// (docs/formats/compressed_whisper.md). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "whisper/updater.h"

namespace plumbago::whisper {

// `block` begins with a block; its first `bit_count` bits are read, up to the end mark if there is
// one. Times are what the block says, in its order; a time may be repeated, the later one is valid.
// DataLoss: the bits are no points.
absl::StatusOr<std::vector<Point>> DecodeBlock(absl::string_view block, uint64_t bit_count,
                                               uint32_t seconds_per_point);

}  // namespace plumbago::whisper

// Reads compressed whisper files. Fetch of whisper/file.h and all that reads uses it where
// Header::format says so; writing is go-carbon's.
//
// Stateless; blocks on the disk. What the file says is taken anew with each call, so another
// program may write to it meanwhile; a call that meets a half-written header or block is DataLoss,
// as is damage.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file_system.h"
#include "whisper/compressed_header.h"
#include "whisper/updater.h"

namespace plumbago::whisper {

// The points of an archive with start <= time < end; where a time is repeated, the last one is
// valid. As go-whisper answers: the blocks, the buffer, and for a coarser archive the aggregates of
// finer points that are not in it yet.
absl::StatusOr<std::vector<Point>> ReadCompressedPoints(base::File& file,
                                                        const CompressedHeader& header,
                                                        size_t archive_index, int64_t start,
                                                        int64_t end);

// The points of one block. DataLoss where its checksum is not that of the header.
absl::StatusOr<std::vector<Point>> ReadCompressedBlock(base::File& file,
                                                       const CompressedArchive& archive,
                                                       size_t block_index);

}  // namespace plumbago::whisper

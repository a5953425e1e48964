// The header of a compressed whisper file ("cwhisper", version 1), which go-carbon writes and we
// read: docs/formats/compressed_whisper.md.
//
// It holds the newest points and where each block of the older ones ends, so it changes with every
// update and is read anew for every fetch. Stateless and thread-safe; blocks on the disk. DataLoss:
// the header contradicts itself, its file or its checksum.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "whisper/header.h"
#include "whisper/updater.h"

namespace plumbago::whisper {

// go-whisper's numbers. 1 to 5 are those of AggregationMethod, the others are not.
enum class CompressedMethod : uint32_t {
  kAverage = 1,
  kSum = 2,
  kLast = 3,
  kMax = 4,
  kMin = 5,
  kFirst = 6,
  kMix = 7,         // of a file: each coarser archive has a method of its own
  kPercentile = 8,  // of an archive
};

absl::string_view MethodName(CompressedMethod method);

// A run of points, compressed.
struct CompressedBlock {
  uint32_t start = 0;  // time of its first point; 0: there is none
  uint32_t end = 0;    // time of its last point
  uint32_t crc32 = 0;
};

struct CompressedArchive {
  Archive archive;                                       // its offset is that of block 0
  CompressedMethod method = CompressedMethod::kAverage;  // how its points are made of finer ones
  float percentile = 0;                                  // of kPercentile, 0..100
  uint32_t block_bytes = 0;
  std::vector<CompressedBlock> blocks;  // a ring, in no order of time

  // The block that is being written, and how much of it is: whole bytes, under its checksum, and
  // then bits 7..bit_position + 1 of last_byte.
  uint32_t current_block = 0;
  uint32_t whole_bytes = 0;
  uint32_t bit_position = 7;
  uint8_t last_byte = 0;

  // The slots of the newest two steps of the next archive, in no order of time; a time of 0: empty.
  std::vector<Point> buffer;
};

struct CompressedHeader {
  CompressedMethod method = CompressedMethod::kAverage;
  float x_files_factor = 0;
  std::vector<CompressedArchive> archives;  // finest first; of one step there may be several
};

// Whether `bytes`, the beginning of a file, is that of a compressed one.
bool IsCompressed(absl::string_view bytes);

absl::StatusOr<CompressedHeader> ReadCompressedHeader(base::File& file);

// As the header of a classic file. The methods "first" and "mix" become average.
Header ToHeader(const CompressedHeader& compressed);

}  // namespace plumbago::whisper

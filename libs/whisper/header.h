// The header of a whisper file: how its points are laid out (docs/formats/whisper.md).
//
// A Header is a small value that callers keep beside the open file, so that an update or a fetch
// reads no header. Functions are pure and thread-safe. A header that contradicts itself or its
// file is DataLoss: whoever meets it leaves the file alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::whisper {

// How the points of a finer archive become one of a coarser archive. The numbers are those of
// whisper.py on disk; go-whisper uses 6 to 8 for other things.
enum class AggregationMethod : uint32_t {
  kAverage = 1,
  kSum = 2,
  kLast = 3,  // the last in time, not in arrival
  kMax = 4,
  kMin = 5,
  kAverageZero = 6,      // a missing point counts as 0
  kAbsoluteMaximum = 7,  // the value farthest from 0, with its sign
  kAbsoluteMinimum = 8,
};

// "average", "sum", ... as whisper writes them.
absl::string_view MethodName(AggregationMethod method);
// InvalidArgument for an unknown name, listing the known ones.
absl::StatusOr<AggregationMethod> ParseMethod(absl::string_view name);

constexpr uint64_t kMetadataBytes = 16;
constexpr uint64_t kArchiveInfoBytes = 12;
constexpr uint64_t kPointBytes = 12;
// whisper has no limit; this one bounds what a damaged count can ask for.
constexpr uint32_t kArchivesMax = 64;

// A ring of points, one every `seconds_per_point`.
struct Archive {
  uint32_t offset = 0;             // of its first slot, in bytes from the start of the file
  uint32_t seconds_per_point = 0;  // at least 1
  uint32_t point_count = 0;        // at least 1

  uint64_t retention_seconds() const { return uint64_t{seconds_per_point} * point_count; }
  uint64_t size_bytes() const { return point_count * kPointBytes; }
  bool operator==(const Archive&) const = default;
};

enum class Format : uint8_t {
  kClassic,
  kCompressed,  // go-carbon's; can be read, not written
};

struct Header {
  AggregationMethod method = AggregationMethod::kAverage;
  float x_files_factor = 0.5F;    // 0..1: share of known points that an aggregate needs
  std::vector<Archive> archives;  // finest first; each one ends where the next begins
  Format format = Format::kClassic;

  // Of classic files, as is size_bytes() of an archive.
  uint64_t header_bytes() const { return kMetadataBytes + kArchiveInfoBytes * archives.size(); }
  uint64_t file_bytes() const { return archives.back().offset + archives.back().size_bytes(); }

  uint64_t max_retention_seconds() const;
  bool operator==(const Header&) const = default;
};

// One archive as a configuration states it.
struct ArchiveSpec {
  uint32_t seconds_per_point = 0;
  uint32_t point_count = 0;
  bool operator==(const ArchiveSpec&) const = default;
};

// The header of a new file. Sorts `archives` by precision, then checks whisper's rules for archive
// lists, and that every number fits the format. InvalidArgument with whisper's own message.
absl::StatusOr<Header> MakeHeader(std::vector<ArchiveSpec> archives, float x_files_factor,
                                  AggregationMethod method);

// The first header_bytes() bytes of the file.
std::string EncodeHeader(const Header& header);

// How many bytes ParseHeader needs, from the first kMetadataBytes of a file. DataLoss where they
// are damaged.
absl::StatusOr<uint64_t> HeaderBytes(absl::string_view metadata);

// `bytes` starts with a whole header; more may follow. DataLoss where an id, factor, count, offset
// or the order of the archives is not as whisper writes it. Stricter than whisper.py, which trusts
// offsets: a write through a damaged one would destroy good points.
absl::StatusOr<Header> ParseHeader(absl::string_view bytes);

}  // namespace plumbago::whisper

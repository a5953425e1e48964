// Whisper files: create, open and read. Writing points is whisper/updater.h.
//
// Functions hold no state and are safe for concurrent use on different files; calls for the same
// file must be serialised by the caller. All block on the disk. Errors besides those of
// base::FileSystem: DataLoss, a damaged file, which nothing here touches; base::ReasonOf tells a
// "truncated" one, one with a damaged "header", and an "empty" one (NotFound).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_system.h"
#include "whisper/header.h"
#include "whisper/recent_points.h"

namespace plumbago::whisper {

enum class Existing {
  kRefuse,   // AlreadyExists where the path is taken
  kReplace,  // for what ReadHeader called unfinished
};

enum class Allocation {
  kReserve,  // the blocks are there: no later write of a point can run out of disk
  kSparse,   // only what is written takes blocks
};

// Makes a file without points and returns it open for update. Crash-safe: it appears under `path`
// complete or not at all (temporary name beside it, blocks reserved, header, rename). Neither the
// file nor its directory is synced here, which would cost milliseconds a series: that is left to
// the caller's next checkpoint. Missing directories are made.
absl::StatusOr<std::unique_ptr<base::File>> Create(base::FileSystem& file_system,
                                                   const std::string& path, const Header& header,
                                                   Existing existing,
                                                   Allocation allocation = Allocation::kReserve);

// As Create, in `directory` under `name`, with what `fill` writes: it is given a file in memory
// that reads as the new one does. AlreadyExists where the name is taken, also by a link. The calls
// to the disk are those of an empty file and one write for each stretch that `fill` has written.
absl::StatusOr<std::unique_ptr<base::File>> CreateIn(
    base::Directory& directory, const std::string& name, const Header& header,
    absl::FunctionRef<absl::Status(base::File&)> fill);

// The checked header of an open file. DataLoss where the header is damaged or the file is shorter
// than it says. NotFound where the file is empty or begins with zeroes: the remains of a creation
// that a power cut interrupted; it holds nothing and may be replaced.
//
// A compressed file of go-carbon is recognised and has a header too; it can be read only.
absl::StatusOr<Header> ReadHeader(base::File& file);

// No header is longer.
constexpr uint64_t kHeaderBytesMax = kMetadataBytes + kArchiveInfoBytes * kArchivesMax;

// The same for a file of `size_bytes` whose first bytes have been read already: all of them, or at
// least kHeaderBytesMax.
absl::StatusOr<Header> CheckHeader(base::File& file, uint64_t size_bytes,
                                   absl::string_view beginning);

// Gives a "truncated" file the length that its header asks for: the points that are in it stay,
// what is missing reads as slots without points, and so does the slot in which the file ends.
// DataLoss where the header is damaged; does nothing to a file that is long enough.
absl::Status Lengthen(base::File& file);

// FailedPrecondition for a file that can only be read.
absl::Status CheckWritable(const Header& header);

// Stores method and factor of `header`, whose archives are those of `file`. Points that were
// aggregated before stay as they are. FailedPrecondition: CheckWritable.
absl::Status WriteMetadata(base::File& file, const Header& header);

// The time in slot 0 of each archive, which all others are counted from; 0 or absent: not known.
// Callers keep it beside the open file, empty at first, and save a read for each archive and
// update. It stays right when other programs write points: slot 0 moves on by whole turns only.
using BaseTimes = std::vector<uint32_t>;

// The newest points of each archive, empty at first, kept like BaseTimes by who updates a file
// again and again. Unlike those it is right only while no other program writes points.
using RecentArchives = std::vector<RecentPoints>;

// Of a new file, in which nothing is.
RecentArchives NoPoints(const Header& header);

struct OpenFile {
  base::File& file;
  const Header& header;  // of `file`
  BaseTimes& base_times;
  RecentArchives* recent = nullptr;  // optional
};

struct FetchRange {
  int64_t from = 0;   // seconds, exclusive at the resolution of the archive
  int64_t until = 0;  // seconds, inclusive at the resolution of the archive
  int64_t now = 0;    // seconds, reference of the retentions
  // Begins as many points earlier, of the step that the range has at its beginning.
  uint32_t lookback_points = 0;
};

// Values at start, start + step, ...; NaN where there is no point.
struct Series {
  int64_t start = 0;
  uint32_t step = 0;  // at least 1
  std::vector<double> values;
  uint32_t lookback_step = 0;  // that lookback_points were counted in
};

// By whisper's rules, from the finest archive that reaches back to `from`. No values where the
// whole range is in the future or older than every archive; a range of no length gives the one
// point after it. A slot whose time does not fit is missing. InvalidArgument: from > until.
absl::StatusOr<Series> Fetch(const OpenFile& file, const FetchRange& range);

}  // namespace plumbago::whisper

// Writes points into whisper files by whisper's rules: each archive that covers a point, and every
// coarser archive from the finer one.
//
// An Updater holds the buffers of one thread at a time; it keeps no file and no header. It makes no
// system call per point: a run of consecutive points is one write, and what a coarser archive is
// computed from is one read, or none where OpenFile::recent knows it. Blocks on the disk. An update
// that fails part-way may have written some points; to do it again is harmless.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "whisper/file.h"
#include "whisper/point.h"

namespace plumbago::whisper {

// Which of two points with the same time is kept.
enum class Duplicates {
  kFirstWins,  // whisper.update_many
  kLastWins,   // carbon, which removes duplicates before it calls whisper: our write path
};

struct UpdateResult {
  // Points that no archive covers: older than the longest retention, or so near to 1970 that their
  // slot would read as empty.
  size_t uncovered_count = 0;
};

class Updater {
 public:
  // whisper.update_many: `points` in any order. Where several times fall into one slot, the latest
  // time wins; where a time is repeated, `duplicates` decides. Future points go to the finest
  // archive. DataLoss where the file is truncated; FailedPrecondition for a compressed one.
  //
  // One deviation: a run longer than the ring (possible with future points only) wraps; whisper.py
  // would write past the end of the archive.
  absl::StatusOr<UpdateResult> UpdateMany(const OpenFile& to, absl::Span<const Point> points,
                                          int64_t now, Duplicates duplicates);

  // Writes `points`, ascending by time, into one archive whatever their age, and from there into
  // the coarser ones.
  absl::Status UpdateArchive(const OpenFile& to, size_t archive_index,
                             absl::Span<const Point> points);

  // whisper.update: InvalidArgument where the point is in the future or not younger than the
  // longest retention.
  absl::Status UpdateOne(const OpenFile& to, Point point, int64_t now);

 private:
  class Flush;

  static bool Prepare(const OpenFile& to);
  static absl::Status Settle(const OpenFile& to, const absl::Status& status);
  // `points` ordered by time without duplicates, in sorted_ where they had to be copied.
  absl::Span<const Point> Sort(absl::Span<const Point> points, Duplicates duplicates);

  std::vector<Point> sorted_;
  std::vector<Point> run_;           // consecutive points to write
  std::vector<uint32_t> intervals_;  // times of the coarser archive to compute
  std::vector<double> known_values_;
  std::string bytes_;
};

}  // namespace plumbago::whisper

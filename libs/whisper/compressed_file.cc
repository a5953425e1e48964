#include "whisper/compressed_file.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/aggregate.h"
#include "whisper/compressed_block.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged compressed whisper file: ", what));
}

// ---- blocks -------------------------------------------------------------------------------

struct Extent {
  uint64_t checked_bytes = 0;  // under the block's checksum
  uint64_t bit_count = 0;      // of points
};

// A block that is full is checked as a whole and ends with a mark. Of the one that is being
// written, the header says how far it goes, and repeats the last byte, which changes most.
absl::StatusOr<Extent> ExtentOf(const CompressedArchive& archive, size_t block_index,
                                absl::string_view bytes) {
  if (block_index != archive.current_block) {
    return Extent{.checked_bytes = bytes.size(), .bit_count = bytes.size() * 8};
  }
  const uint64_t used_bits = 7 - archive.bit_position;
  const auto unused = static_cast<uint8_t>(0xFF >> used_bits);
  const auto last_byte = static_cast<uint8_t>(bytes[archive.whole_bytes]);
  if (((last_byte ^ archive.last_byte) | unused) != unused) {
    return Damaged(absl::StrCat("the last byte of block ", block_index, " is not as stated"));
  }
  return Extent{.checked_bytes = archive.whole_bytes,
                .bit_count = uint64_t{archive.whole_bytes} * 8 + used_bits};
}

absl::Status AppendBlocks(base::File& file, const CompressedArchive& archive, int64_t start,
                          int64_t end, std::vector<Point>* points) {
  std::vector<size_t> order;
  for (size_t i = 0; i < archive.blocks.size(); ++i) {
    const CompressedBlock& block = archive.blocks[i];
    if (block.start != 0 && block.end >= start && block.start < end) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&archive](size_t a, size_t b) {
    return archive.blocks[a].start < archive.blocks[b].start;
  });
  for (const size_t i : order) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<Point> block,
                              ReadCompressedBlock(file, archive, i));
    points->insert(points->end(), block.begin(), block.end());
  }
  return absl::OkStatus();
}

// ---- aggregates of points that are not propagated yet ---------------------------------------

double Percentile(std::vector<double> values, float percentile) {
  if (!(percentile >= 0 && percentile <= 100)) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double rank = static_cast<double>(values.size() - 1) * double{percentile} / 100;
  const auto index = static_cast<size_t>(std::ceil(rank));
  const double rest = rank - std::floor(rank);
  return rest == 0 ? values[index] : values[index] * rest + values[index - 1] * (1 - rest);
}

double AggregateAs(const CompressedArchive& archive, const std::vector<double>& values) {
  if (archive.method == CompressedMethod::kFirst) return values.front();
  if (archive.method == CompressedMethod::kPercentile) {
    return Percentile(values, archive.percentile);
  }
  return Aggregate(static_cast<AggregationMethod>(archive.method), values, values.size());
}

// Groups neighbours that fall into one step of `target`. The group that reaches the end of `slots`
// is left out, so that a buffer whose last slot is taken lacks its last group, as in go-whisper.
std::vector<Point> AggregateBuffer(const std::vector<Point>& slots,
                                   const CompressedArchive& target) {
  std::vector<Point> aggregates;
  uint32_t group = 0;
  std::vector<double> values;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Point& slot = slots[i];
    if (slot.time == 0 && i + 1 < slots.size()) continue;
    const uint32_t interval = slot.time - slot.time % target.archive.seconds_per_point;
    if (group != 0 && group != interval) {
      aggregates.push_back({.time = group, .value = AggregateAs(target, values)});
      values.clear();
    }
    group = interval;
    values.push_back(slot.value);
  }
  return aggregates;
}

// Buffer by buffer down to the archive: each takes what the finer ones give.
std::vector<Point> AggregateBuffers(const CompressedHeader& header, size_t archive_index) {
  std::vector<Point> points;
  for (size_t i = 0; i < archive_index; ++i) {
    const std::vector<Point>& buffer = header.archives[i].buffer;
    points.insert(points.end(), buffer.begin(), buffer.end());
    points = AggregateBuffer(points, header.archives[i + 1]);
  }
  return points;
}

// Of a mix file, whose coarser archives are all made of the finest one. `base_points` are ordered
// by time without duplicates. The newest group needs no factor: it is not complete yet.
std::vector<Point> AggregateMix(const CompressedHeader& header, const CompressedArchive& target,
                                const std::vector<Point>& base_points) {
  const uint32_t step = target.archive.seconds_per_point;
  const uint32_t slots_each = step / header.archives[0].archive.seconds_per_point;
  uint32_t newest_stored = 0;
  for (const CompressedBlock& block : target.blocks) {
    newest_stored = std::max(newest_stored, block.end);
  }
  std::vector<Point> aggregates;
  uint32_t group = 0;
  std::vector<double> values;
  const auto finish_group = [&] {
    if (!values.empty() && group > newest_stored) {
      aggregates.push_back({.time = group, .value = AggregateAs(target, values)});
    }
    values.clear();
  };
  for (const Point& point : base_points) {
    const uint32_t interval = point.time - point.time % step;
    if (interval != group) {
      // go-whisper computes the share in 32 bits.
      const float share = static_cast<float>(values.size()) / static_cast<float>(slots_each);
      if (share < header.x_files_factor) values.clear();
      finish_group();
    }
    group = interval;
    values.push_back(point.value);
  }
  finish_group();
  return aggregates;
}

// Ordered by time, the last of each time.
void SortUnique(std::vector<Point>* points) {
  std::stable_sort(points->begin(), points->end(),
                   [](const Point& a, const Point& b) { return a.time < b.time; });
  size_t kept = 0;
  for (const Point& point : *points) {
    if (kept > 0 && (*points)[kept - 1].time == point.time) --kept;
    (*points)[kept++] = point;
  }
  points->resize(kept);
}

void KeepRange(int64_t start, int64_t end, std::vector<Point>* points) {
  points->erase(std::remove_if(points->begin(), points->end(),
                               [&](const Point& point) {
                                 return point.time == 0 || point.time < start || point.time >= end;
                               }),
                points->end());
}

absl::Status AppendMix(base::File& file, const CompressedHeader& header, size_t archive_index,
                       int64_t start, int64_t end, std::vector<Point>* points) {
  const CompressedArchive& target = header.archives[archive_index];
  const int64_t step = target.archive.seconds_per_point;
  const int64_t base_start =
      points->empty() ? start : internal::AlignDown(points->back().time, step) + step;
  if (base_start >= end) return absl::OkStatus();
  // Up to and including `end`, as go-whisper: a point there completes the step before it.
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<Point> base_points,
                            ReadCompressedPoints(file, header, 0, base_start, end + 1));
  SortUnique(&base_points);
  const std::vector<Point> live = AggregateMix(header, target, base_points);
  points->insert(points->end(), live.begin(), live.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Point>> ReadCompressedBlock(base::File& file,
                                                       const CompressedArchive& archive,
                                                       size_t block_index) {
  std::string bytes(archive.block_bytes, '\0');
  const uint64_t offset = archive.archive.offset + block_index * archive.block_bytes;
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(offset, bytes.data(), bytes.size()));
  if (count < bytes.size()) {
    return Damaged(absl::StrCat("it has ", count, " of ", bytes.size(), " bytes at ", offset));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const Extent extent, ExtentOf(archive, block_index, bytes));
  const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()),
                                               static_cast<uInt>(extent.checked_bytes)));
  const uint32_t stated = archive.blocks[block_index].crc32;
  if (crc != stated) {
    return Damaged(absl::StrCat("the checksum of block ", block_index, " of the archive of ",
                                archive.archive.seconds_per_point, " s is ", absl::Hex(crc),
                                ", its header states ", absl::Hex(stated)));
  }
  return DecodeBlock(bytes, extent.bit_count, archive.archive.seconds_per_point);
}

absl::StatusOr<std::vector<Point>> ReadCompressedPoints(base::File& file,
                                                        const CompressedHeader& header,
                                                        size_t archive_index, int64_t start,
                                                        int64_t end) {
  const CompressedArchive& archive = header.archives[archive_index];
  std::vector<Point> points;
  PLUMBAGO_RETURN_IF_ERROR(AppendBlocks(file, archive, start, end, &points));
  points.insert(points.end(), archive.buffer.begin(), archive.buffer.end());
  KeepRange(start, end, &points);
  if (archive_index == 0) return points;
  if (header.method == CompressedMethod::kMix) {
    PLUMBAGO_RETURN_IF_ERROR(AppendMix(file, header, archive_index, start, end, &points));
  } else {
    const std::vector<Point> live = AggregateBuffers(header, archive_index);
    points.insert(points.end(), live.begin(), live.end());
  }
  KeepRange(start, end, &points);
  return points;
}

}  // namespace plumbago::whisper

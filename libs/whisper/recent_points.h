// What is known of the newest slots of one archive without reading the file.
//
// An update computes the coarser archive from the slots of a step, most of which it has just
// written itself. Whoever keeps this beside the open file saves the read of the others. Of every
// slot with a time >= from() it is known whether it holds its point, and which. A value type; about
// 50 bytes and the points of one coarser step, at most kPointsMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "whisper/header.h"
#include "whisper/point.h"

namespace plumbago::whisper {

class RecentPoints {
 public:
  // More slots to a coarser step are not remembered.
  static constexpr size_t kPointsMax = 64;
  // A larger archive is not read as a whole to learn what is in it.
  static constexpr uint64_t kReadBytesMax = 64 << 10;

  bool is_known() const { return is_known_; }
  // Every slot with this time or a later one is known.
  uint32_t from() const { return from_; }
  absl::Span<const Point> points() const { return points_; }

  // The archive holds nothing.
  void SetEmpty();
  // From all slots of `archive` as they are in the file; `base_time` is that of its slot 0.
  void SetFromSlots(const Archive& archive, uint32_t base_time, absl::string_view slots);
  void Forget();

  // `written`, aligned and ascending, were written to their slots in `archive`.
  void Add(const Archive& archive, absl::Span<const Point> written);
  // Keeps the points of the last step of `coarser_seconds_per_point` that has any.
  void Trim(uint32_t coarser_seconds_per_point);

 private:
  bool is_known_ = false;
  uint32_t from_ = 0;
  std::vector<Point> points_;  // ascending, at or after from_
};

}  // namespace plumbago::whisper

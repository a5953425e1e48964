#include "whisper/slot_values.h"

#include <algorithm>

#include "base/check.h"
#include "base/status.h"
#include "whisper/internal/window.h"

namespace plumbago::whisper {
namespace {

absl::StatusOr<SlotValues> Read(const OpenFile& file, const internal::Window& window) {
  SlotValues slots{.start = window.start,
                   .step = file.header.archives[window.archive_index].seconds_per_point,
                   .values = std::vector<std::optional<double>>(window.count)};
  PLUMBAGO_RETURN_IF_ERROR(internal::VisitSlots(
      file, window, [&slots](uint64_t index, double value) { slots.values[index] = value; }));
  return slots;
}

}  // namespace

absl::StatusOr<SlotValues> FetchSlots(const OpenFile& file, const FetchRange& range) {
  PLUMBAGO_ASSIGN_OR_RETURN(const internal::Window window,
                            internal::SelectWindow(file.header.archives, range));
  return Read(file, window);
}

absl::StatusOr<SlotValues> FetchArchive(const OpenFile& file, size_t archive_index, int64_t from,
                                        int64_t until) {
  PLUMBAGO_CHECK(from <= until);
  const Archive& archive = file.header.archives[archive_index];
  const int64_t step = archive.seconds_per_point;
  const int64_t start = internal::AlignDown(from, step) + step;
  const int64_t end = internal::AlignDown(until, step) + step;
  const int64_t count = std::clamp<int64_t>((end - start) / step, 1, archive.point_count);
  return Read(
      file,
      {.archive_index = archive_index, .start = start, .count = static_cast<uint64_t>(count)});
}

std::vector<Point> PointsOf(const SlotValues& slots) {
  std::vector<Point> points;
  int64_t time = slots.start;
  for (const std::optional<double>& value : slots.values) {
    if (value.has_value()) points.push_back({.time = static_cast<uint32_t>(time), .value = *value});
    time += slots.step;
  }
  return points;
}

}  // namespace plumbago::whisper

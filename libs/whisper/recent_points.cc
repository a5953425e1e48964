#include "whisper/recent_points.h"

#include <algorithm>

#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

bool IsBefore(const Point& a, const Point& b) { return a.time < b.time; }

}  // namespace

void RecentPoints::SetEmpty() {
  is_known_ = true;
  from_ = 0;
  points_.clear();
}

void RecentPoints::Forget() {
  is_known_ = false;
  points_ = {};
}

void RecentPoints::SetFromSlots(const Archive& archive, uint32_t base_time,
                                absl::string_view slots) {
  SetEmpty();
  for (uint64_t i = 0; i < archive.point_count; ++i) {
    const char* slot = slots.data() + i * kPointBytes;
    const uint32_t time = internal::LoadU32(slot);
    const bool is_point = time != 0 && time % archive.seconds_per_point == 0 &&
                          internal::SlotOf(archive, base_time, time) == i;
    if (is_point) points_.push_back({.time = time, .value = internal::LoadDouble(slot + 4)});
  }
  std::sort(points_.begin(), points_.end(), IsBefore);
}

void RecentPoints::Add(const Archive& archive, absl::Span<const Point> written) {
  if (!is_known_) return;
  for (const Point& point : written) {
    // The slot may have held another turn's point.
    if (!points_.empty() && points_.back().time >= point.time + archive.retention_seconds()) {
      points_.erase(std::remove_if(points_.begin(), points_.end(),
                                   [&](const Point& old) {
                                     return old.time > point.time &&
                                            (old.time - point.time) % archive.retention_seconds() ==
                                                0;
                                   }),
                    points_.end());
    }
    if (point.time < from_) continue;
    if (points_.empty() || points_.back().time < point.time) {
      points_.push_back(point);
      continue;
    }
    const auto at = std::lower_bound(points_.begin(), points_.end(), point, IsBefore);
    if (at->time == point.time) {
      *at = point;
    } else {
      points_.insert(at, point);
    }
  }
  // And points of an earlier turn are gone where a later one was written.
  if (points_.size() < 2) return;
  const uint64_t turn = archive.retention_seconds();
  if (points_.back().time - points_.front().time < turn) return;
  points_.erase(
      std::remove_if(points_.begin(), points_.end(),
                     [&](const Point& old) {
                       return std::any_of(written.begin(), written.end(), [&](const Point& point) {
                         return point.time > old.time && (point.time - old.time) % turn == 0;
                       });
                     }),
      points_.end());
}

void RecentPoints::Trim(uint32_t coarser_seconds_per_point) {
  if (!is_known_ || points_.empty()) return;
  const uint32_t last = points_.back().time;
  from_ = std::max(from_, last - last % coarser_seconds_per_point);
  const auto kept =
      std::lower_bound(points_.begin(), points_.end(), Point{.time = from_}, IsBefore);
  std::vector<Point>(kept, points_.end()).swap(points_);
}

}  // namespace plumbago::whisper

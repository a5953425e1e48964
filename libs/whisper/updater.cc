#include "whisper/updater.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "whisper/aggregate.h"
#include "whisper/internal/encoding.h"
#include "whisper/internal/slots.h"

namespace plumbago::whisper {
namespace {

using internal::AlignDown;
using internal::SlotOf;

// One read for a coarser archive takes at most this many slots (48 KiB).
constexpr uint64_t kWindowSlotsMax = 4096;

uint32_t Align(uint32_t time, uint32_t step) { return time - time % step; }

bool IsStrictlyAscending(absl::Span<const Point> points) {
  for (size_t i = 1; i < points.size(); ++i) {
    if (points[i - 1].time >= points[i].time) return false;
  }
  return true;
}

// An archive being written, with the time in its slot 0 followed as points are written over it.
class Ring {
 public:
  static absl::StatusOr<Ring> Open(const OpenFile& to, size_t archive_index) {
    const Archive& archive = to.header.archives[archive_index];
    uint32_t& base_time = to.base_times[archive_index];
    RecentPoints* recent = to.recent == nullptr ? nullptr : &(*to.recent)[archive_index];
    const bool is_known_empty =
        recent != nullptr && recent->is_known() && recent->from() == 0 && recent->points().empty();
    if (base_time == 0 && !is_known_empty) {
      PLUMBAGO_ASSIGN_OR_RETURN(base_time, internal::ReadBaseTime(to.file, archive));
    }
    return Ring(to.file, archive, base_time, recent);
  }

  const Archive& archive() const { return *archive_; }
  bool is_empty() const { return *base_time_ == 0; }

  // `points` are aligned, consecutive and ordered. The first one written to an empty ring takes
  // slot 0. A run longer than the ring overwrites its own beginning.
  absl::Status Write(absl::Span<const Point> points, std::string* bytes) {
    while (!points.empty()) {
      const auto turn = points.subspan(0, archive_->point_count);
      points.remove_prefix(turn.size());
      PLUMBAGO_RETURN_IF_ERROR(WriteTurn(turn, bytes));
    }
    return absl::OkStatus();
  }

  // What is known without a read; nullptr where nothing is remembered.
  RecentPoints* recent() const { return recent_; }

  // Fills recent() from the file, unless the archive is too large for it.
  absl::Status Learn(std::string* bytes) {
    if (is_empty() || archive_->size_bytes() > RecentPoints::kReadBytesMax) return absl::OkStatus();
    PLUMBAGO_RETURN_IF_ERROR(
        internal::ReadSlots(*file_, *archive_, 0, archive_->point_count, bytes));
    recent_->SetFromSlots(*archive_, *base_time_, *bytes);
    return absl::OkStatus();
  }

  // `count` slots from that of `time` on, at most one turn.
  absl::Status Read(uint32_t time, uint64_t count, std::string* bytes) const {
    return internal::ReadSlots(*file_, *archive_, SlotOf(*archive_, *base_time_, time), count,
                               bytes);
  }

 private:
  Ring(base::File& file, const Archive& archive, uint32_t& base_time, RecentPoints* recent)
      : file_(&file), archive_(&archive), base_time_(&base_time), recent_(recent) {}

  absl::Status WriteTurn(absl::Span<const Point> points, std::string* bytes) {
    bytes->resize(points.size() * kPointBytes);
    char* to = bytes->data();
    for (const Point& point : points) {
      internal::StorePoint(to, point.time, point.value);
      to += kPointBytes;
    }
    const uint64_t slot = SlotOf(*archive_, *base_time_, points.front().time);
    PLUMBAGO_RETURN_IF_ERROR(internal::WriteSlots(*file_, *archive_, slot, *bytes));
    const uint64_t to_slot_0 = slot == 0 ? 0 : archive_->point_count - slot;
    if (to_slot_0 < points.size()) *base_time_ = points[to_slot_0].time;
    if (recent_ != nullptr) recent_->Add(*archive_, points);
    return absl::OkStatus();
  }

  base::File* file_;
  const Archive* archive_;
  uint32_t* base_time_;
  RecentPoints* recent_;
};

// Whether a step of the coarser archive has few enough slots of the finer one.
bool CanRemember(const Archive& finer, const Archive& coarser) {
  const uint32_t ratio = coarser.seconds_per_point / finer.seconds_per_point;
  return coarser.seconds_per_point % finer.seconds_per_point == 0 &&
         ratio <= std::min<uint64_t>(RecentPoints::kPointsMax, finer.point_count);
}

// Index of the oldest of the points 0..end-1 that `archive` covers; `end` if it covers none.
size_t FirstCovered(absl::Span<const Point> points, size_t end, const Archive& archive,
                    int64_t now) {
  const int64_t oldest = now - static_cast<int64_t>(archive.retention_seconds());
  const auto covers = [oldest](const Point& point) { return int64_t{point.time} >= oldest; };
  size_t first = end;
  while (first > 0 && covers(points[first - 1])) --first;
  // A slot with the time 0 is an empty one.
  while (first < end && Align(points[first].time, archive.seconds_per_point) == 0) ++first;
  return first;
}

}  // namespace

// The points that go to one archive, and from there to the coarser ones.
class Updater::Flush {
 public:
  // `may_learn`: to read an archive that fits into memory as a whole pays off, for it will be
  // updated again.
  Flush(Updater& buffers, const OpenFile& to, bool may_learn)
      : buffers_(buffers), to_(to), may_learn_(may_learn) {}

  absl::Status Run(size_t archive_index, absl::Span<const Point> points) {
    PLUMBAGO_ASSIGN_OR_RETURN(Ring higher, Ring::Open(to_, archive_index));
    PLUMBAGO_RETURN_IF_ERROR(WritePoints(points, &higher));
    const uint32_t step = higher.archive().seconds_per_point;
    for (size_t i = archive_index + 1; i < to_.header.archives.size(); ++i) {
      PLUMBAGO_ASSIGN_OR_RETURN(Ring lower, Ring::Open(to_, i));
      CollectIntervals(points, step, lower.archive().seconds_per_point);
      has_propagated_ = false;
      RecentPoints* recent = higher.recent();
      if (may_learn_ && recent != nullptr && !recent->is_known() &&
          CanRemember(higher.archive(), lower.archive())) {
        PLUMBAGO_RETURN_IF_ERROR(higher.Learn(&buffers_.bytes_));
      }
      PLUMBAGO_RETURN_IF_ERROR(Propagate(higher, &lower));
      if (!has_propagated_) break;
      higher = lower;
    }
    return absl::OkStatus();
  }

 private:
  // Aligns, keeps the newest point of each slot, and writes run by run.
  absl::Status WritePoints(absl::Span<const Point> points, Ring* ring) {
    const uint32_t step = ring->archive().seconds_per_point;
    std::vector<Point>& run = buffers_.run_;
    run.clear();
    for (const Point& point : points) {
      const Point aligned{.time = Align(point.time, step), .value = point.value};
      if (!run.empty() && run.back().time == aligned.time) {
        run.back() = aligned;
        continue;
      }
      if (!run.empty() && run.back().time + step != aligned.time) {
        PLUMBAGO_RETURN_IF_ERROR(ring->Write(run, &buffers_.bytes_));
        run.clear();
      }
      run.push_back(aligned);
    }
    return ring->Write(run, &buffers_.bytes_);
  }

  // The distinct times of the coarser archive that `points` fall into, ascending. They are aligned
  // to the archive they were written to first, as whisper does.
  void CollectIntervals(absl::Span<const Point> points, uint32_t step, uint32_t lower_step) {
    std::vector<uint32_t>& intervals = buffers_.intervals_;
    intervals.clear();
    for (const Point& point : points) {
      const uint32_t interval = Align(Align(point.time, step), lower_step);
      if (interval == 0) continue;  // a slot with the time 0 is an empty one
      if (intervals.empty() || intervals.back() != interval) intervals.push_back(interval);
    }
  }

  // Appends the aggregates of `intervals` from what is remembered of the finer archive.
  void ConsolidateKnown(absl::Span<const uint32_t> intervals, absl::Span<const Point> points,
                        uint32_t step, uint32_t lower_step) {
    const Point* at = points.begin();
    for (const uint32_t interval : intervals) {
      std::vector<double>& known = buffers_.known_values_;
      known.clear();
      while (at != points.end() && at->time < interval) ++at;
      for (; at != points.end() && at->time - interval < lower_step; ++at) {
        known.push_back(at->value);
      }
      AppendAggregate(interval, lower_step / step);
    }
  }

  // Computes the slots of `lower` at the collected intervals from `higher`, one read for each
  // stretch of consecutive intervals that is not remembered.
  absl::Status Propagate(const Ring& higher, Ring* lower) {
    const uint32_t higher_step = higher.archive().seconds_per_point;
    const uint32_t lower_step = lower->archive().seconds_per_point;
    const uint64_t ring_slots = higher.archive().point_count;
    const uint64_t slots_each = (lower_step / higher_step - 1) % ring_slots + 1;
    const uint64_t window_slots = std::min(ring_slots, kWindowSlotsMax);
    const bool can_join = !higher.is_empty() && lower_step % higher_step == 0;
    const size_t intervals_max = can_join ? std::max<uint64_t>(1, window_slots / slots_each) : 1;

    absl::Span<const uint32_t> rest = buffers_.intervals_;
    buffers_.run_.clear();
    const RecentPoints* recent = higher.recent();
    const bool is_remembered =
        recent != nullptr && recent->is_known() && CanRemember(higher.archive(), lower->archive());
    while (!rest.empty()) {
      if (is_remembered && rest[0] >= recent->from()) {
        ConsolidateKnown(rest, recent->points(), higher_step, lower_step);
        break;
      }
      size_t count = 1;
      while (count < std::min(intervals_max, rest.size()) &&
             rest[count] == rest[count - 1] + lower_step) {
        ++count;
      }
      PLUMBAGO_RETURN_IF_ERROR(higher.Read(rest[0], count * slots_each, &buffers_.bytes_));
      for (size_t i = 0; i < count; ++i) {
        const char* slots = buffers_.bytes_.data() + i * slots_each * kPointBytes;
        Consolidate(rest[i], slots, slots_each, higher_step);
      }
      rest.remove_prefix(count);
    }
    return WriteConsolidated(lower);
  }

  // Appends the aggregate of `count` slots to the run if enough of them are known.
  void Consolidate(uint32_t interval, const char* slots, uint64_t count, uint32_t step) {
    std::vector<double>& known = buffers_.known_values_;
    known.clear();
    int64_t expected = interval;
    for (uint64_t i = 0; i < count; ++i, slots += kPointBytes, expected += step) {
      if (internal::LoadU32(slots) == expected) known.push_back(internal::LoadDouble(slots + 4));
    }
    AppendAggregate(interval, count);
  }

  // Of the known ones among `count` values, if they are enough.
  void AppendAggregate(uint32_t interval, uint64_t count) {
    const std::vector<double>& known = buffers_.known_values_;
    if (known.empty()) return;
    const double known_share = static_cast<double>(known.size()) / static_cast<double>(count);
    // The factor is compared as the f32 of the file, widened: 1 of 10 does not reach 0.1.
    if (known_share < static_cast<double>(to_.header.x_files_factor)) return;
    buffers_.run_.push_back(
        {.time = interval, .value = Aggregate(to_.header.method, known, count)});
  }

  // Writes the consolidated points, one write for each consecutive run of them.
  absl::Status WriteConsolidated(Ring* lower) {
    absl::Span<const Point> rest = buffers_.run_;
    has_propagated_ = !rest.empty();
    while (!rest.empty()) {
      size_t count = 1;
      while (count < rest.size() &&
             rest[count].time == rest[count - 1].time + lower->archive().seconds_per_point) {
        ++count;
      }
      PLUMBAGO_RETURN_IF_ERROR(lower->Write(rest.subspan(0, count), &buffers_.bytes_));
      rest.remove_prefix(count);
    }
    return absl::OkStatus();
  }

  Updater& buffers_;
  const OpenFile& to_;
  const bool may_learn_;
  bool has_propagated_ = false;
};

absl::StatusOr<UpdateResult> Updater::UpdateMany(const OpenFile& to, absl::Span<const Point> points,
                                                 int64_t now, Duplicates duplicates) {
  PLUMBAGO_RETURN_IF_ERROR(CheckWritable(to.header));
  const std::vector<Archive>& archives = to.header.archives;
  const bool may_learn = Prepare(to);
  const absl::Span<const Point> sorted = Sort(points, duplicates);
  size_t end = sorted.size();
  // Newest first, as whisper: each archive takes what the finer ones do not reach.
  for (size_t i = 0; i < archives.size() && end > 0; ++i) {
    const size_t first = FirstCovered(sorted, end, archives[i], now);
    if (first == end) continue;
    const auto covered = sorted.subspan(first, end - first);
    PLUMBAGO_RETURN_IF_ERROR(Settle(to, Flush(*this, to, may_learn).Run(i, covered)));
    end = first;
  }
  return UpdateResult{.uncovered_count = end};
}

absl::Status Updater::UpdateArchive(const OpenFile& to, size_t archive_index,
                                    absl::Span<const Point> points) {
  PLUMBAGO_RETURN_IF_ERROR(CheckWritable(to.header));
  PLUMBAGO_CHECK(IsStrictlyAscending(points));
  const bool may_learn = Prepare(to);
  const uint32_t step = to.header.archives[archive_index].seconds_per_point;
  // A slot with the time 0 is an empty one.
  while (!points.empty() && Align(points.front().time, step) == 0) points.remove_prefix(1);
  if (points.empty()) return absl::OkStatus();
  return Settle(to, Flush(*this, to, may_learn).Run(archive_index, points));
}

// Sizes what is kept beside the file. Returns whether the file has been updated before.
bool Updater::Prepare(const OpenFile& to) {
  const size_t archive_count = to.header.archives.size();
  to.base_times.resize(archive_count);
  if (to.recent == nullptr || to.recent->size() == archive_count) return true;
  to.recent->resize(archive_count);
  return false;
}

// Of what is remembered, keeps what the next update will need. After an error that is nothing: who
// knows what has reached the file.
absl::Status Updater::Settle(const OpenFile& to, const absl::Status& status) {
  if (to.recent == nullptr) return status;
  if (!status.ok()) {
    to.recent->clear();
    return status;
  }
  const std::vector<Archive>& archives = to.header.archives;
  for (size_t i = 0; i < archives.size(); ++i) {
    RecentPoints& recent = (*to.recent)[i];
    const bool is_used = i + 1 < archives.size() && CanRemember(archives[i], archives[i + 1]);
    if (is_used) {
      recent.Trim(archives[i + 1].seconds_per_point);
    } else if (!recent.points().empty()) {
      recent.Forget();
    }
  }
  return status;
}

absl::Status Updater::UpdateOne(const OpenFile& to, Point point, int64_t now) {
  const absl::Status uncovered =
      absl::InvalidArgumentError("Timestamp not covered by any archives in this database.");
  const int64_t age = now - int64_t{point.time};
  if (age < 0 || age >= static_cast<int64_t>(to.header.max_retention_seconds())) return uncovered;
  PLUMBAGO_ASSIGN_OR_RETURN(
      const UpdateResult result,
      UpdateMany(to, absl::MakeConstSpan(&point, 1), now, Duplicates::kLastWins));
  return result.uncovered_count == 0 ? absl::OkStatus() : uncovered;
}

absl::Span<const Point> Updater::Sort(absl::Span<const Point> points, Duplicates duplicates) {
  if (IsStrictlyAscending(points)) return points;
  sorted_.assign(points.begin(), points.end());
  std::stable_sort(sorted_.begin(), sorted_.end(),
                   [](const Point& a, const Point& b) { return a.time < b.time; });
  size_t kept = 0;
  for (const Point& point : sorted_) {
    if (kept == 0 || sorted_[kept - 1].time != point.time) {
      sorted_[kept++] = point;
    } else if (duplicates == Duplicates::kLastWins) {
      sorted_[kept - 1] = point;
    }
  }
  sorted_.resize(kept);
  return sorted_;
}

}  // namespace plumbago::whisper

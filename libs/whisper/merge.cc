#include "whisper/merge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"
#include "whisper/slot_values.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

absl::Status CheckAlike(const Header& first, const Header& second, absl::string_view purpose) {
  if (first.archives == second.archives) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the archive configurations are unalike. Resize the input before ", purpose));
}

// The oldest time that `archive` covers.
int64_t Oldest(const Archive& archive, int64_t now) {
  return now - static_cast<int64_t>(archive.retention_seconds());
}

ArchiveDifference Compare(const SlotValues& first, const SlotValues& second,
                          EmptySlots empty_slots) {
  ArchiveDifference difference;
  int64_t time = first.start;
  for (size_t i = 0; i < first.values.size(); ++i, time += first.step) {
    const std::optional<double>& a = first.values[i];
    const std::optional<double>& b = second.values[i];
    const bool is_compared = empty_slots == EmptySlots::kIgnore ? a.has_value() && b.has_value()
                                                                : a.has_value() || b.has_value();
    if (!is_compared) continue;
    ++difference.compared_count;
    if (a != b) difference.points.push_back({.time = time, .first = a, .second = b});
  }
  return difference;
}

}  // namespace

absl::Status Merge(const OpenFile& source, const OpenFile& target, const MergeRange& range) {
  PLUMBAGO_RETURN_IF_ERROR(CheckAlike(source.header, target.header, "merging"));
  if (range.until < range.from) {
    return absl::InvalidArgumentError(absl::StrCat("the interval to merge ends at ", range.until,
                                                   ", before it begins at ", range.from));
  }
  Updater updater;
  for (size_t i = 0; i < source.header.archives.size(); ++i) {
    const int64_t oldest = Oldest(source.header.archives[i], range.now);
    if (range.until < oldest) continue;
    PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues slots,
                              FetchArchive(source, i, std::max(range.from, oldest), range.until));
    PLUMBAGO_RETURN_IF_ERROR(updater.UpdateArchive(target, i, PointsOf(slots)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ArchiveDifference>> Diff(const OpenFile& first, const OpenFile& second,
                                                    int64_t until, int64_t now,
                                                    EmptySlots empty_slots) {
  PLUMBAGO_RETURN_IF_ERROR(CheckAlike(first.header, second.header, "diffing"));
  until = std::min(until, now);
  std::vector<ArchiveDifference> differences;
  for (size_t i = 0; i < first.header.archives.size(); ++i) {
    const int64_t oldest = Oldest(first.header.archives[i], now);
    const int64_t step = first.header.archives[i].seconds_per_point;
    ArchiveDifference difference;
    if (internal::AlignDown(oldest, step) <= internal::AlignDown(until, step)) {
      const int64_t end = std::max(oldest, until);
      PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues a, FetchArchive(first, i, oldest, end));
      PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues b, FetchArchive(second, i, oldest, end));
      difference = Compare(a, b, empty_slots);
    }
    difference.archive_index = i;
    differences.push_back(std::move(difference));
    until = std::min(until, oldest);
  }
  return differences;
}

}  // namespace plumbago::whisper

#include "whisper/fill.h"

#include <algorithm>
#include <optional>

#include "base/status.h"
#include "whisper/slot_values.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

// Seconds; as a range to fetch.
struct Gap {
  int64_t from = 0;   // exclusive
  int64_t until = 0;  // inclusive
};

int64_t Oldest(const Archive& archive, int64_t now) {
  return now - static_cast<int64_t>(archive.retention_seconds());
}

std::vector<Gap> FindMissing(const SlotValues& slots) {
  std::vector<Gap> gaps;
  bool is_in_gap = false;
  int64_t time = slots.start;
  for (const std::optional<double>& value : slots.values) {
    if (!value.has_value() && !is_in_gap) gaps.push_back({time - slots.step, time});
    if (!value.has_value()) gaps.back().until = time;
    is_in_gap = !value.has_value();
    time += slots.step;
  }
  return gaps;
}

std::vector<Gap> FindGaps(const SlotValues& slots) {
  std::vector<Gap> gaps;
  std::optional<int64_t> gap_start;
  int64_t time = slots.start;
  for (const std::optional<double>& value : slots.values) {
    const bool is_known = value.has_value() && *value != 0;
    const bool is_last = time + slots.step == slots.end();
    if (!is_known && !gap_start.has_value()) {
      gap_start = time;
    } else if (is_known && gap_start.has_value()) {
      // A single lost unit is no gap.
      if (time - *gap_start > slots.step) gaps.push_back({*gap_start - slots.step, time});
      gap_start.reset();
    } else if (gap_start.has_value() && is_last) {
      gaps.push_back({*gap_start - slots.step, time});
    }
    time += slots.step;
  }
  return gaps;
}

class Filler {
 public:
  Filler(const OpenFile& source, const OpenFile& target, int64_t now, GapRule rule)
      : source_(source), target_(target), now_(now), rule_(rule) {}

  absl::Status Run() {
    int64_t until = now_;
    for (const Archive& archive : target_.header.archives) {
      const int64_t from = Oldest(archive, now_);
      if (from >= until) continue;
      PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues slots,
                                FetchSlots(target_, {.from = from, .until = until, .now = now_}));
      const auto gaps = rule_ == GapRule::kMissingOnly ? FindMissing(slots) : FindGaps(slots);
      for (const Gap& gap : gaps) PLUMBAGO_RETURN_IF_ERROR(FillGap(gap));
      until = from;
    }
    return absl::OkStatus();
  }

 private:
  // From the present into the past: each archive of the source gives what only it and the coarser
  // ones reach.
  absl::Status FillGap(const Gap& gap) {
    int64_t until = gap.until;
    for (const Archive& archive : source_.header.archives) {
      const int64_t oldest = Oldest(archive, now_);
      if (until <= oldest) continue;
      const int64_t from = std::max(oldest, gap.from);
      PLUMBAGO_ASSIGN_OR_RETURN(const SlotValues slots,
                                FetchSlots(source_, {.from = from, .until = until, .now = now_}));
      PLUMBAGO_RETURN_IF_ERROR(
          updater_.UpdateMany(target_, PointsOf(slots), now_, Duplicates::kFirstWins).status());
      if (from == gap.from) return absl::OkStatus();
      until = from;
    }
    return absl::OkStatus();
  }

  const OpenFile& source_;
  const OpenFile& target_;
  const int64_t now_;
  const GapRule rule_;
  Updater updater_;
};

}  // namespace

absl::Status FillGaps(const OpenFile& source, const OpenFile& target, int64_t now, GapRule rule) {
  return Filler(source, target, now, rule).Run();
}

}  // namespace plumbago::whisper

#include "cache/flush_queues.h"

#include <algorithm>
#include <iterator>

namespace plumbago::cache {
namespace {

// What the store refused is tried again this late even when all else is due at once.
constexpr absl::Duration kRefusedAgeMin = absl::Seconds(1);

}  // namespace

bool ParseFlushStrategy(absl::string_view text, FlushStrategy* strategy) {
  static constexpr struct {
    absl::string_view name;
    FlushStrategy strategy;
  } kNames[] = {{"oldest-first", FlushStrategy::kOldestFirst},
                {"timesorted", FlushStrategy::kOldestFirst},
                {"naive", FlushStrategy::kNaive},
                {"random", FlushStrategy::kNaive},
                {"max", FlushStrategy::kMax},
                {"sorted", FlushStrategy::kSorted}};
  const auto* const found = std::find_if(std::begin(kNames), std::end(kNames),
                                         [&](const auto& one) { return one.name == text; });
  if (found == std::end(kNames)) return false;
  *strategy = found->strategy;
  return true;
}

void FlushQueues::Put(HotSeries* series) {
  if (series->queue != FlushQueue::kNone) Remove(series);
  if (series->was_refused) return Append(series, FlushQueue::kRefused);
  if (!series->was_flushed) return Append(series, FlushQueue::kNew);
  const bool is_full = series->pending_count() >= flush_points_;
  Append(series, is_full ? FlushQueue::kFull : FlushQueue::kAged);
}

void FlushQueues::OnGrown(HotSeries* series) {
  if (series->queue == FlushQueue::kAged && series->pending_count() >= flush_points_) {
    Remove(series);
    Append(series, FlushQueue::kFull);
  } else if (series->queue == FlushQueue::kReady && RankOf(*series) != series->ready_rank) {
    Remove(series);
    Append(series, FlushQueue::kReady);
  }
}

HotSeries* FlushQueues::NextNew(const FlushDue& due) {
  HotSeries* const head = lists_[static_cast<size_t>(FlushQueue::kNew)].head;
  if (head == nullptr) return nullptr;
  const bool is_full = head->pending_count() >= flush_points_;
  return is_full || IsDue(head, due, due.new_series_flush_age) ? head : nullptr;
}

HotSeries* FlushQueues::NextKnown(const FlushDue& due) {
  if (!is_ranked()) return NextDue(due);
  if (strategy_ == FlushStrategy::kMax || NextReady() == nullptr) MakeReady(due);
  return NextReady();
}

uint64_t FlushQueues::Urgency(const FlushDue& due) {
  const HotSeries* const next = NextKnown(due);
  if (next == nullptr) return 0;
  if (is_ranked()) return 1u + RankOf(*next);
  const auto age_ms = static_cast<int32_t>(due.now_ms - next->pending_since_ms);
  const uint64_t age = static_cast<uint64_t>(std::max(age_ms, 0)) + 1;
  return next->queue == FlushQueue::kFull ? age + UINT32_MAX : age;
}

HotSeries* FlushQueues::NextDue(const FlushDue& due) {
  HotSeries* const full = lists_[static_cast<size_t>(FlushQueue::kFull)].head;
  if (full != nullptr) return full;
  HotSeries* const refused = lists_[static_cast<size_t>(FlushQueue::kRefused)].head;
  if (refused != nullptr) {
    const auto age_ms = static_cast<int32_t>(due.now_ms - refused->pending_since_ms);
    const absl::Duration age =
        due.is_everything_due ? std::min(kRefusedAgeMin, due.flush_age) : due.flush_age;
    if (age_ms >= absl::ToInt64Milliseconds(age)) return refused;
  }
  HotSeries* const aged = lists_[static_cast<size_t>(FlushQueue::kAged)].head;
  return IsDue(aged, due, due.flush_age) ? aged : nullptr;
}

bool FlushQueues::IsDue(const HotSeries* series, const FlushDue& due, absl::Duration age) const {
  if (series == nullptr) return false;
  // Signed: a point may have come after `now_ms` was taken.
  const auto age_ms = static_cast<int32_t>(due.now_ms - series->pending_since_ms);
  return due.is_everything_due || age_ms >= absl::ToInt64Milliseconds(age);
}

void FlushQueues::MakeReady(const FlushDue& due) {
  while (HotSeries* const series = NextDue(due)) {
    Remove(series);
    Append(series, FlushQueue::kReady);
  }
}

HotSeries* FlushQueues::NextReady() const {
  for (auto list = ready_.rbegin(); list != ready_.rend(); ++list) {
    if (list->head != nullptr) return list->head;
  }
  return nullptr;
}

uint8_t FlushQueues::RankOf(const HotSeries& series) {
  const uint32_t pending_count = std::max(series.pending_count(), 1u);
  return static_cast<uint8_t>(std::min(31 - __builtin_clz(pending_count), kRanks - 1));
}

FlushQueues::List& FlushQueues::ListOf(const HotSeries& series) {
  return series.queue == FlushQueue::kReady ? ready_[series.ready_rank]
                                            : lists_[static_cast<size_t>(series.queue)];
}

void FlushQueues::Append(HotSeries* series, FlushQueue queue) {
  series->queue = queue;
  series->ready_rank = RankOf(*series);
  List& list = ListOf(*series);
  series->previous = list.tail;
  series->next = nullptr;
  (list.tail == nullptr ? list.head : list.tail->next) = series;
  list.tail = series;
}

void FlushQueues::Remove(HotSeries* series) {
  List& list = ListOf(*series);
  (series->previous == nullptr ? list.head : series->previous->next) = series->next;
  (series->next == nullptr ? list.tail : series->next->previous) = series->previous;
  series->next = series->previous = nullptr;
  series->queue = FlushQueue::kNone;
}

}  // namespace plumbago::cache

#include "query/group_merge.h"

#include <algorithm>
#include <utility>

#include "query/series_merge.h"

namespace plumbago::query {
namespace {

// Above this share of the whole, reducing no longer pays for its further round trip.
constexpr int64_t kSentShare = 8;

}  // namespace

std::optional<int64_t> ChooseTail(std::vector<int64_t> firsts, size_t series_count,
                                  const functions::TimeRange& range) {
  std::sort(firsts.begin(), firsts.end());
  const auto count = static_cast<int64_t>(series_count);
  const int64_t length = std::max<int64_t>(range.until - range.from, 1);
  const auto late_max = static_cast<int64_t>(firsts.size());
  int64_t chosen = kNoTail;
  int64_t least = late_max * length;
  for (int64_t late = 0; late < late_max; ++late) {
    const int64_t first = firsts[static_cast<size_t>(late)];
    const int64_t tail = std::clamp<int64_t>(range.until - first, 0, length);
    const int64_t sent = late * length + (count - late) * tail;
    if (sent >= least) continue;
    least = sent;
    chosen = first;
  }
  if (least > count * length / kSentShare) return std::nullopt;
  return chosen;
}

GroupMerge::Result GroupMerge::Add(const ReducedGroup& part, const ReduceQuestion::Group& asked,
                                   const std::vector<const HotSeries*>& hot) {
  const size_t head_count = functions::HeadCount(part.start, part.step, part.row_count, tail_from_);
  const size_t late_count = asked.late.size();
  const size_t usual_count = asked.metrics.size() - late_count;
  if (part.head.counts.size() != head_count ||
      part.tail.size() != usual_count * (part.row_count - head_count) ||
      part.late.size() != late_count * part.row_count) {
    return Result::kMalformed;
  }
  if (series_count_ == 0) {
    shape_ = {.start = part.start,
              .step = part.step,
              .values = {},
              .aggregation_method = part.aggregation_method,
              .finest_step = part.finest_step,
              .error = {}};
    rows_ = functions::RowReducer(aggregation_, part.row_count);
  } else if (!HasShapeOf(part)) {
    return Result::kMixedGrids;
  }
  if (!rows_.Merge(part.head)) return Result::kMalformed;
  std::vector<uint32_t> usual;
  std::vector<uint32_t> late;
  for (size_t i = 0; i < asked.places.size(); ++i) {
    const bool is_late = late.size() < late_count && asked.late[late.size()] == i;
    (is_late ? late : usual).push_back(asked.places[i]);
  }
  AddSeries(usual, head_count, part.tail, hot);
  AddSeries(late, 0, part.late, hot);
  series_count_ += asked.metrics.size();
  return Result::kMerged;
}

bool GroupMerge::HasShapeOf(const ReducedGroup& part) const {
  return part.start == shape_.start && part.step == shape_.step &&
         part.row_count == rows_.row_count() && part.finest_step == shape_.finest_step &&
         part.aggregation_method == shape_.aggregation_method;
}

void GroupMerge::AddSeries(const std::vector<uint32_t>& places, size_t first,
                           const std::vector<double>& values,
                           const std::vector<const HotSeries*>& hot) {
  const size_t count = rows_.row_count() - first;
  if (count == 0) return;
  StoredSeries series = shape_;
  series.start += static_cast<int64_t>(first) * series.step;
  auto next = values.begin();
  for (const uint32_t place : places) {
    const auto end = next + static_cast<ptrdiff_t>(count);
    series.values.assign(next, end);
    next = end;
    if (hot[place] != nullptr) MergeHot(*hot[place], series);
    rows_.Add(first, series.values, place);
  }
}

functions::ReducedRows GroupMerge::Rows() const {
  const auto row_count = static_cast<int64_t>(rows_.row_count());
  return {
      {shape_.start, shape_.start + row_count * shape_.step, shape_.step}, series_count_, rows_};
}

}  // namespace plumbago::query

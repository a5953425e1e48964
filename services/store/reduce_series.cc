#include "reduce_series.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"

namespace plumbago::store_service {
namespace {

using functions::Aggregation;

std::optional<Aggregation> FromProto(v1::ReduceRequest::Aggregation aggregation) {
  switch (aggregation) {
    case v1::ReduceRequest::SUM:
      return Aggregation::kSum;
    case v1::ReduceRequest::MIN:
      return Aggregation::kMinimum;
    case v1::ReduceRequest::MAX:
      return Aggregation::kMaximum;
    case v1::ReduceRequest::RANGE:
      return Aggregation::kRange;
    case v1::ReduceRequest::COUNT:
      return Aggregation::kCount;
    case v1::ReduceRequest::LAST:
      return Aggregation::kLast;
    case v1::ReduceRequest::STDDEV:
      return Aggregation::kStandardDeviation;
    default:
      return std::nullopt;
  }
}

absl::Status CheckGroup(const v1::ReduceRequest::Group& group) {
  if (!FromProto(group.aggregation()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("a group has the unknown aggregation ",
                                                   static_cast<int>(group.aggregation())));
  }
  if (group.place_size() != group.metric_size()) {
    return absl::InvalidArgumentError(absl::StrCat("a group has ", group.metric_size(),
                                                   " metrics and ", group.place_size(), " places"));
  }
  int64_t before = -1;
  for (const uint32_t late : group.late()) {
    if (late <= before || late >= static_cast<uint32_t>(group.metric_size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("index ", late, " of a late series is out of order or range"));
    }
    before = late;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckReduceRequest(const v1::ReduceRequest& request) {
  if (request.tenant().empty()) {
    return absl::InvalidArgumentError("the request names no tenant");
  }
  if (request.from() > request.until()) {
    return absl::InvalidArgumentError(
        absl::StrCat("from ", request.from(), " is after until ", request.until()));
  }
  for (const v1::ReduceRequest::Group& group : request.group()) {
    PLUMBAGO_RETURN_IF_ERROR(CheckGroup(group));
  }
  return absl::OkStatus();
}

GroupResult GroupResult::Refused(v1::ReducedGroup::Refusal refusal) {
  return {.refusal = refusal,
          .head = functions::RowReducer(Aggregation::kSum, 0),
          .tail = {},
          .late = {}};
}

absl::StatusOr<GroupResult> GroupReducer::Reduce(const v1::ReduceRequest::Group& group) {
  const whisper::FetchRange range{
      .from = request_.from(), .until = request_.until(), .now = request_.now()};
  const Aggregation aggregation = *FromProto(group.aggregation());
  GroupResult result{.head = functions::RowReducer(aggregation, 0), .tail = {}, .late = {}};
  auto late = group.late().begin();
  for (int i = 0; i < group.metric_size(); ++i) {
    if (is_cancelled_()) return absl::CancelledError("the caller is gone");
    const auto fetched = store_.Fetch(store::SeriesName(request_.tenant(), group.metric(i)), range);
    if (!fetched.ok()) {
      const bool is_unknown =
          absl::IsNotFound(fetched.status()) || absl::IsInvalidArgument(fetched.status());
      return GroupResult::Refused(is_unknown ? v1::ReducedGroup::UNKNOWN_SERIES
                                             : v1::ReducedGroup::UNREADABLE);
    }
    if (fetched->series.values.size() > points_left_) {
      return absl::ResourceExhaustedError(
          "the query reads too many points (--points-per-query-max); ask for a shorter range or "
          "fewer series");
    }
    points_left_ -= fetched->series.values.size();
    const bool is_late = late != group.late().end() && *late == static_cast<uint32_t>(i);
    if (is_late) ++late;
    if (!Add(*fetched, group.place(i), is_late, i == 0, aggregation, result)) {
      return GroupResult::Refused(v1::ReducedGroup::MIXED_GRIDS);
    }
  }
  return result;
}

bool GroupReducer::Add(const store::FetchedSeries& fetched, uint32_t place, bool is_late,
                       bool is_first, Aggregation aggregation, GroupResult& result) const {
  const whisper::Series& series = fetched.series;
  if (is_first) {
    result.shape = fetched;
    result.shape.series.values.clear();
    result.row_count = series.values.size();
    result.head = functions::RowReducer(
        aggregation, functions::HeadCount(series.start, series.step, series.values.size(),
                                          request_.tail_from()));
  }
  const store::FetchedSeries& shape = result.shape;
  if (series.start != shape.series.start || series.step != shape.series.step ||
      series.values.size() != result.row_count || fetched.method != shape.method ||
      fetched.finest_step != shape.finest_step) {
    return false;
  }
  const auto values = absl::MakeConstSpan(series.values);
  if (is_late) {
    result.late.insert(result.late.end(), values.begin(), values.end());
    return true;
  }
  const size_t head_count = result.head.row_count();
  result.head.Add(0, values.first(head_count), place);
  result.tail.insert(result.tail.end(), values.begin() + static_cast<ptrdiff_t>(head_count),
                     values.end());
  return true;
}

}  // namespace plumbago::store_service

#include "shard_answers.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::query {
namespace {

// By pointers, between which bytes are copied at once.
template <typename T>
void Extend(const google::protobuf::RepeatedField<T>& stretch, std::vector<T>& column) {
  column.insert(column.end(), stretch.data(), stretch.data() + stretch.size());
}

absl::Status Append(const v1::FetchedSeries& piece, StoredSeries& series) {
  const int64_t end = series.start + series.step * static_cast<int64_t>(series.values.size());
  if (piece.start() != end || piece.step() != series.step) {
    return absl::InternalError(absl::StrCat("a store went on with a series at ", piece.start(),
                                            " in steps of ", piece.step(), " s after it ended at ",
                                            end, " in steps of ", series.step, " s"));
  }
  Extend(piece.value(), series.values);
  return absl::OkStatus();
}

StoredSeries ToStored(v1::FetchedSeries& fetched) {
  return {.metric_index = fetched.metric_index(),
          .start = fetched.start(),
          .step = fetched.step(),
          .values = {fetched.value().data(), fetched.value().data() + fetched.value_size()},
          .aggregation_method = std::move(*fetched.mutable_aggregation_method()),
          .finest_step = fetched.finest_step(),
          .lookback_step = fetched.lookback_step(),
          .error = std::move(*fetched.mutable_error())};
}

ReducedGroup::Refusal FromProto(v1::ReducedGroup::Refusal refusal) {
  switch (refusal) {
    case v1::ReducedGroup::NONE:
      return ReducedGroup::Refusal::kNone;
    case v1::ReducedGroup::MIXED_GRIDS:
      return ReducedGroup::Refusal::kMixedGrids;
    case v1::ReducedGroup::UNKNOWN_SERIES:
      return ReducedGroup::Refusal::kUnknownSeries;
    default:  // a newer store's reasons too
      return ReducedGroup::Refusal::kUnreadable;
  }
}

ReducedGroup ShapeOf(v1::ReducedGroup& piece) {
  return {.group_index = piece.group_index(),
          .refusal = FromProto(piece.refusal()),
          .start = piece.start(),
          .step = std::max<int64_t>(piece.step(), 1),
          .row_count = piece.step_count(),
          .aggregation_method = std::move(*piece.mutable_aggregation_method()),
          .finest_step = piece.finest_step(),
          .head = {},
          .tail = {},
          .late = {}};
}

}  // namespace

absl::Status TakeNodes(v1::FindResponse& response, std::vector<FoundNode>& nodes) {
  for (v1::FindResponse::Node& node : *response.mutable_node()) {
    nodes.push_back({std::move(*node.mutable_path()), node.is_leaf()});
  }
  return absl::OkStatus();
}

absl::Status TakeTagged(v1::FindTaggedResponse& response, std::vector<std::string>& names) {
  for (std::string& metric : *response.mutable_metric()) names.push_back(std::move(metric));
  return absl::OkStatus();
}

void TakeTags(v1::CompleteTagsResponse& response, std::vector<TagEntry>& entries) {
  for (v1::CompleteTagsResponse::Entry& entry : *response.mutable_entry()) {
    entries.push_back({std::move(*entry.mutable_text()), entry.series_count()});
  }
}

void TakeRefused(v1::CreateSeriesResponse& response, std::vector<std::string>& messages) {
  for (v1::CreateSeriesResponse::Refused& refused : *response.mutable_refused()) {
    messages.push_back(
        absl::StrCat("\"", base::Excerpt(refused.metric()), "\": ", refused.message()));
  }
}

std::vector<std::string> FailuresOf(const v1::Job& job) {
  if (job.state() == v1::Job::SUCCEEDED && job.failed_count() == 0) return {};
  if (!job.error().empty()) return {job.error()};
  if (job.state() == v1::Job::SUCCEEDED) return {job.item().begin(), job.item().end()};
  return {absl::StrCat("job ", job.id(), " has not ended")};
}

absl::Status TakeStored(v1::FetchResponse& response, std::vector<StoredSeries>& list) {
  for (v1::FetchedSeries& fetched : *response.mutable_series()) {
    if (list.empty() || list.back().metric_index != fetched.metric_index()) {
      list.push_back(ToStored(fetched));
    } else if (absl::Status status = Append(fetched, list.back()); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status TakeReduced(v1::ReduceResponse& response, std::vector<ReducedGroup>& list) {
  for (v1::ReducedGroup& piece : *response.mutable_group()) {
    if (list.empty() || list.back().group_index != piece.group_index()) {
      list.push_back(ShapeOf(piece));
    }
    ReducedGroup& group = list.back();
    Extend(piece.value_count(), group.head.counts);
    Extend(piece.value(), group.head.values);
    Extend(piece.other(), group.head.others);
    Extend(piece.place(), group.head.places);
    Extend(piece.tail(), group.tail);
    Extend(piece.late(), group.late);
  }
  return absl::OkStatus();
}

absl::Status TakeLayouts(v1::DescribeSeriesResponse& response, std::vector<SeriesLayout>& list) {
  for (v1::DescribedSeries& described : *response.mutable_series()) {
    if (described.seconds_per_point_size() != described.point_count_size()) {
      return absl::InternalError("columns of unequal length in an answer of a store");
    }
    SeriesLayout& layout = list.emplace_back();
    layout.metric_index = described.metric_index();
    for (int i = 0; i < described.point_count_size(); ++i) {
      layout.archives.push_back({described.seconds_per_point(i), described.point_count(i)});
    }
    layout.aggregation_method = std::move(*described.mutable_aggregation_method());
    layout.x_files_factor = described.x_files_factor();
  }
  return absl::OkStatus();
}

absl::Status TakeHot(v1::ReadPointsResponse& response, std::vector<HotSeries>& list) {
  int next = 0;
  for (int i = 0; i < response.metric_index_size() && i < response.point_count_size(); ++i) {
    const auto count = static_cast<int64_t>(response.point_count(i));
    if (next + count > response.time_size() || next + count > response.value_size()) {
      return absl::InternalError("columns of unequal length in an answer of a cache");
    }
    if (list.empty() || list.back().metric_index != response.metric_index(i)) {
      list.push_back({.metric_index = response.metric_index(i), .times = {}, .values = {}});
    }
    HotSeries& series = list.back();
    const int end = next + static_cast<int>(count);
    series.times.insert(series.times.end(), response.time().begin() + next,
                        response.time().begin() + end);
    series.values.insert(series.values.end(), response.value().begin() + next,
                         response.value().begin() + end);
    next = end;
  }
  return absl::OkStatus();
}

}  // namespace plumbago::query

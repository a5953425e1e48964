#include "store_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "chunks.h"
#include "create_series.h"
#include "reduce_series.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

constexpr size_t kWatchEventsMax = 1000;
// To ask whether the caller is gone costs as much as to read several series.
constexpr int kSeriesPerCancellationCheck = 64;
// A watcher that is gone is noticed this late.
constexpr int64_t kCancellationCheckNanos = 500'000'000;

grpc::Status Invalid(absl::string_view message) {
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, std::string(message));
}

grpc::Status CheckMetricCount(size_t count, size_t count_max) {
  if (count <= count_max) return grpc::Status::OK;
  return Invalid(absl::StrCat(count, " metrics are more than the ", count_max,
                              " of one request; ask in parts"));
}

grpc::Status Gone() { return grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone"); }

absl::Status Draining() { return absl::UnavailableError("the store is draining"); }

// What the caller asks for, up to the store's own limit, which holds for 0.
size_t LimitOf(uint32_t asked, size_t limit) {
  return asked == 0 ? limit : std::min<size_t>(asked, limit);
}

// Everything but values; start is that of the first one.
void FillSeries(const store::FetchedSeries& fetched, v1::FetchedSeries* series) {
  series->set_start(static_cast<uint32_t>(fetched.series.start));
  series->set_step(fetched.series.step);
  const absl::string_view method = whisper::MethodName(fetched.method);
  series->set_aggregation_method(method.data(), method.size());
  series->set_x_files_factor(fetched.x_files_factor);
  series->set_finest_step(fetched.finest_step);
  series->set_lookback_step(fetched.series.lookback_step);
}

// In pieces, so that no message grows with the length of a series. False: the caller is gone.
bool SendSeries(uint32_t metric_index, const store::FetchedSeries& fetched,
                Chunks<v1::FetchResponse>& chunks) {
  auto rest = absl::MakeConstSpan(fetched.series.values);
  do {
    const auto piece = rest.first(std::min(rest.size(), kMessageBytes / sizeof(double)));
    v1::FetchedSeries* series = chunks.message().add_series();
    FillSeries(fetched, series);
    series->set_metric_index(metric_index);
    const auto sent_count = static_cast<uint32_t>(fetched.series.values.size() - rest.size());
    series->set_start(series->start() + sent_count * series->step());
    series->mutable_value()->Add(piece.begin(), piece.end());
    rest.remove_prefix(piece.size());
    if (!chunks.Added(series->ByteSizeLong())) return false;
  } while (!rest.empty());
  return true;
}

// Pieces of one reduced group, each with a stretch of one column.
class GroupPieces {
 public:
  GroupPieces(uint32_t group_index, Chunks<v1::ReduceResponse>& chunks)
      : group_index_(group_index), chunks_(chunks) {}

  // False: the caller is gone.
  bool Send(const GroupResult& result) {
    const functions::RowReducer::Rows& head = result.head.rows();
    using Group = v1::ReducedGroup;
    return SendShape(result) && SendColumn(head.counts, &Group::mutable_value_count) &&
           SendColumn(head.values, &Group::mutable_value) &&
           SendColumn(head.others, &Group::mutable_other) &&
           SendColumn(head.places, &Group::mutable_place) &&
           SendColumn(result.tail, &Group::mutable_tail) &&
           SendColumn(result.late, &Group::mutable_late);
  }

 private:
  v1::ReducedGroup* Add() {
    v1::ReducedGroup* piece = chunks_.message().add_group();
    piece->set_group_index(group_index_);
    return piece;
  }

  bool SendShape(const GroupResult& result) {
    v1::ReducedGroup* piece = Add();
    piece->set_refusal(result.refusal);
    if (result.refusal == v1::ReducedGroup::NONE) {
      const store::FetchedSeries& shape = result.shape;
      const absl::string_view method = whisper::MethodName(shape.method);
      piece->set_start(static_cast<uint32_t>(shape.series.start));
      piece->set_step(std::max<uint32_t>(shape.series.step, 1));
      piece->set_step_count(static_cast<uint32_t>(result.row_count));
      piece->set_aggregation_method(method.data(), method.size());
      piece->set_finest_step(shape.finest_step);
    }
    return chunks_.Added(piece->ByteSizeLong());
  }

  template <typename T>
  bool SendColumn(const std::vector<T>& column,
                  google::protobuf::RepeatedField<T>* (v1::ReducedGroup::*mutable_column)()) {
    auto rest = absl::MakeConstSpan(column);
    while (!rest.empty()) {
      const auto stretch = rest.first(std::min(rest.size(), kMessageBytes / sizeof(T)));
      v1::ReducedGroup* piece = Add();
      (piece->*mutable_column)()->Add(stretch.begin(), stretch.end());
      rest.remove_prefix(stretch.size());
      if (!chunks_.Added(stretch.size() * sizeof(T))) return false;
    }
    return true;
  }

  const uint32_t group_index_;
  Chunks<v1::ReduceResponse>& chunks_;
};

v1::WatchIndexResponse::Kind ToProto(index::SeriesIndex::Event::Kind kind) {
  switch (kind) {
    case index::SeriesIndex::Event::Kind::kReset:
      return v1::WatchIndexResponse::RESET;
    case index::SeriesIndex::Event::Kind::kAdded:
      return v1::WatchIndexResponse::ADDED;
    case index::SeriesIndex::Event::Kind::kRemoved:
      return v1::WatchIndexResponse::REMOVED;
  }
  return v1::WatchIndexResponse::KIND_UNSPECIFIED;
}

}  // namespace

StoreService::StoreService(store::Store& store, index::SeriesIndex& index,
                           const StoreServiceOptions& options)
    : store_(store), index_(index), options_(options) {
  index_.SetListener([this] {
    const uint64_t sequence = index_.sequence();
    {
      base::MutexLock lock(mutex_);
      index_sequence_ = std::max(index_sequence_, sequence);
    }
    index_changed_.NotifyAll();
  });
}

grpc::ServerBidiReactor<v1::WriteRequest, v1::WriteResponse>* StoreService::Write(
    grpc::CallbackServerContext*) {
  const std::shared_ptr<WriteStream> stream = WriteStream::Start(store_, options_.epoch);
  absl::Status refusal = store_.CheckWritable();
  {
    base::MutexLock lock(mutex_);
    write_streams_.erase(std::remove_if(write_streams_.begin(), write_streams_.end(),
                                        [](const auto& weak) { return weak.expired(); }),
                         write_streams_.end());
    if (is_draining_) {
      refusal = Draining();
    } else if (write_streams_.size() >= options_.write_streams_max) {
      refusal = absl::ResourceExhaustedError(
          absl::StrCat(write_streams_.size(),
                       " writers are connected, the most that --write-streams-max allows"));
    } else {
      write_streams_.push_back(stream);
    }
  }
  if (!refusal.ok()) stream->End(refusal);
  return stream.get();
}

grpc::Status StoreService::Find(grpc::ServerContext*, const v1::FindRequest* request,
                                grpc::ServerWriter<v1::FindResponse>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  const size_t matches_max = LimitOf(request->max_matches(), options_.find_matches_max);
  auto nodes = index_.Find(request->tenant(), request->pattern(), matches_max);
  if (!nodes.ok()) return rpc::ToGrpc(nodes.status());
  Chunks<v1::FindResponse> chunks(*writer, options_.epoch());
  for (index::Node& node : *nodes) {
    const size_t byte_count = node.path.size() + 8;
    v1::FindResponse::Node* found = chunks.message().add_node();
    found->set_path(std::move(node.path));
    found->set_is_leaf(node.is_leaf);
    if (!chunks.Added(byte_count)) return Gone();
  }
  return chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::ListSeries(grpc::ServerContext*, const v1::ListSeriesRequest* request,
                                      grpc::ServerWriter<v1::ListSeriesResponse>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  Chunks<v1::ListSeriesResponse> chunks(*writer, options_.epoch());
  bool is_gone = false;
  const absl::Status status = index_.ListSeries(request->tenant(), [&](absl::string_view metric) {
    chunks.message().add_metric(metric.data(), metric.size());
    is_gone = !chunks.Added(metric.size() + 4);
    return !is_gone;
  });
  if (!status.ok()) return rpc::ToGrpc(status);
  return !is_gone && chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                                 grpc::ServerWriter<v1::FetchResponse>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  if (request->from() > request->until()) {
    return Invalid(absl::StrCat("from ", request->from(), " is after until ", request->until()));
  }
  if (grpc::Status status =
          CheckMetricCount(static_cast<size_t>(request->metric_size()), options_.fetch_series_max);
      !status.ok()) {
    return status;
  }
  const whisper::FetchRange range{.from = request->from(),
                                  .until = request->until(),
                                  .now = request->now(),
                                  .lookback_points = request->lookback_points()};
  Chunks<v1::FetchResponse> chunks(*writer, options_.epoch());
  for (int i = 0; i < request->metric_size(); ++i) {
    if (i % kSeriesPerCancellationCheck == 0 && context->IsCancelled()) return Gone();
    auto fetched = store_.Fetch(store::SeriesName(request->tenant(), request->metric(i)), range);
    // A name that no series can have is an unknown one.
    if (absl::IsNotFound(fetched.status()) || absl::IsInvalidArgument(fetched.status())) continue;
    const auto metric_index = static_cast<uint32_t>(i);
    if (fetched.ok()) {
      if (!SendSeries(metric_index, *fetched, chunks)) return Gone();
      continue;
    }
    v1::FetchedSeries* series = chunks.message().add_series();
    series->set_metric_index(metric_index);
    series->set_step(1);
    series->set_error(std::string(fetched.status().message()));
    if (!chunks.Added(series->ByteSizeLong())) return Gone();
  }
  return chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::Reduce(grpc::ServerContext* context, const v1::ReduceRequest* request,
                                  grpc::ServerWriter<v1::ReduceResponse>* writer) {
  if (const absl::Status status = CheckReduceRequest(*request); !status.ok()) {
    return rpc::ToGrpc(status);
  }
  size_t series_count = 0;
  for (const v1::ReduceRequest::Group& group : request->group()) {
    series_count += static_cast<size_t>(group.metric_size());
  }
  if (grpc::Status status = CheckMetricCount(series_count, options_.fetch_series_max);
      !status.ok()) {
    return status;
  }
  GroupReducer reducer(store_, *request, [context, count = 0]() mutable {
    return count++ % kSeriesPerCancellationCheck == 0 && context->IsCancelled();
  });
  Chunks<v1::ReduceResponse> chunks(*writer, options_.epoch());
  for (int i = 0; i < request->group_size(); ++i) {
    auto reduced = reducer.Reduce(request->group(i));
    if (!reduced.ok()) return rpc::ToGrpc(reduced.status());
    if (!GroupPieces(static_cast<uint32_t>(i), chunks).Send(*reduced)) return Gone();
  }
  return chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::DescribeSeries(grpc::ServerContext* context,
                                          const v1::DescribeSeriesRequest* request,
                                          grpc::ServerWriter<v1::DescribeSeriesResponse>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  if (grpc::Status status =
          CheckMetricCount(static_cast<size_t>(request->metric_size()), options_.fetch_series_max);
      !status.ok()) {
    return status;
  }
  Chunks<v1::DescribeSeriesResponse> chunks(*writer, options_.epoch());
  for (int i = 0; i < request->metric_size(); ++i) {
    if (i % kSeriesPerCancellationCheck == 0 && context->IsCancelled()) return Gone();
    const auto header = store_.Describe(store::SeriesName(request->tenant(), request->metric(i)));
    // What cannot be read has nothing to tell; Fetch says why.
    if (!header.ok()) continue;
    v1::DescribedSeries* series = chunks.message().add_series();
    series->set_metric_index(static_cast<uint32_t>(i));
    for (const whisper::Archive& archive : header->archives) {
      series->add_seconds_per_point(archive.seconds_per_point);
      series->add_point_count(archive.point_count);
    }
    const absl::string_view method = whisper::MethodName(header->method);
    series->set_aggregation_method(method.data(), method.size());
    series->set_x_files_factor(header->x_files_factor);
    if (!chunks.Added(series->ByteSizeLong())) return Gone();
  }
  return chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::FindTagged(grpc::ServerContext*, const v1::FindTaggedRequest* request,
                                      grpc::ServerWriter<v1::FindTaggedResponse>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  const std::vector<std::string> expressions(request->expression().begin(),
                                             request->expression().end());
  auto metrics = index_.FindTagged(request->tenant(), expressions,
                                   LimitOf(request->max_matches(), options_.find_matches_max));
  if (!metrics.ok()) return rpc::ToGrpc(metrics.status());
  Chunks<v1::FindTaggedResponse> chunks(*writer, options_.epoch());
  for (std::string& metric : *metrics) {
    const size_t byte_count = metric.size() + 4;
    chunks.message().add_metric(std::move(metric));
    if (!chunks.Added(byte_count)) return Gone();
  }
  return chunks.Flush() ? grpc::Status::OK : Gone();
}

grpc::Status StoreService::CompleteTags(grpc::ServerContext*,
                                        const v1::CompleteTagsRequest* request,
                                        v1::CompleteTagsResponse* response) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  const std::vector<std::string> expressions(request->expression().begin(),
                                             request->expression().end());
  const size_t limit = LimitOf(request->limit(), options_.completions_max);
  const auto entries =
      request->tag().empty()
          ? index_.TagNames(request->tenant(), request->prefix(), expressions, limit)
          : index_.TagValues(request->tenant(), request->tag(), request->prefix(), expressions,
                             limit);
  if (!entries.ok()) return rpc::ToGrpc(entries.status());
  response->set_epoch(options_.epoch());
  for (const index::TagCount& entry : *entries) {
    v1::CompleteTagsResponse::Entry* added = response->add_entry();
    added->set_text(entry.text);
    added->set_series_count(entry.series_count);
  }
  return grpc::Status::OK;
}

grpc::Status StoreService::CreateSeries(grpc::ServerContext*,
                                        const v1::CreateSeriesRequest* request,
                                        v1::CreateSeriesResponse* response) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  if (grpc::Status status =
          CheckMetricCount(static_cast<size_t>(request->metric_size()), options_.create_series_max);
      !status.ok()) {
    return status;
  }
  const std::vector<std::string> metrics(request->metric().begin(), request->metric().end());
  const auto refused = CreateWithoutPoints(store_, request->tenant(), metrics);
  if (!refused.ok()) return rpc::ToGrpc(refused.status());
  response->set_epoch(options_.epoch());
  for (const store::RefusedSeries& series : *refused) {
    v1::CreateSeriesResponse::Refused* added = response->add_refused();
    added->set_metric(metrics[series.series_id]);
    added->set_message(series.message);
  }
  return grpc::Status::OK;
}

grpc::Status StoreService::SetAggregationMethod(grpc::ServerContext*,
                                                const v1::SetAggregationMethodRequest* request,
                                                v1::SetAggregationMethodResponse* response) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  const auto method = whisper::ParseMethod(request->aggregation_method());
  if (!method.ok()) return rpc::ToGrpc(method.status());
  const auto before = store_.SetAggregationMethod({request->tenant(), request->metric()}, *method);
  if (!before.ok()) return rpc::ToGrpc(before.status());
  const absl::string_view old_name = whisper::MethodName(*before);
  response->set_old_aggregation_method(old_name.data(), old_name.size());
  response->set_epoch(options_.epoch());
  return grpc::Status::OK;
}

grpc::Status StoreService::WatchIndex(grpc::ServerContext* context,
                                      const v1::WatchIndexRequest* request,
                                      grpc::ServerWriter<v1::WatchIndexResponse>* writer) {
  uint64_t sequence =
      request->after_sequence() == 0 ? index_.sequence() : request->after_sequence();
  for (;;) {
    const auto events = index_.EventsAfter(sequence, kWatchEventsMax);
    v1::WatchIndexResponse response;
    for (const index::SeriesIndex::Event& event : events) {
      sequence = event.sequence;
      const bool is_reset = event.kind == index::SeriesIndex::Event::Kind::kReset;
      if (!is_reset && !request->tenant().empty() && event.tenant != request->tenant()) continue;
      v1::WatchIndexResponse::Event* sent = response.add_event();
      sent->set_sequence(event.sequence);
      sent->set_kind(ToProto(event.kind));
      sent->set_tenant(event.tenant);
      sent->set_metric(event.metric);
    }
    if (response.event_size() > 0 && !writer->Write(response)) return Gone();
    if (!events.empty()) continue;
    if (!AwaitChange(*context, sequence)) break;
  }
  return context->IsCancelled() ? Gone() : rpc::ToGrpc(Draining());
}

bool StoreService::AwaitChange(const grpc::ServerContext& context, uint64_t sequence) {
  base::MutexLock lock(mutex_);
  while (index_sequence_ <= sequence && !is_draining_ && !context.IsCancelled()) {
    index_changed_.WaitFor(lock, kCancellationCheckNanos);
  }
  return !is_draining_ && !context.IsCancelled();
}

void StoreService::Drain() {
  store_.Drain();
  std::vector<std::weak_ptr<WriteStream>> streams;
  {
    base::MutexLock lock(mutex_);
    is_draining_ = true;
    streams.swap(write_streams_);
  }
  index_changed_.NotifyAll();
  for (const auto& weak : streams) {
    if (const auto stream = weak.lock()) stream->End(Draining());
  }
}

}  // namespace plumbago::store_service

#include "cache_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status.h"
#include "cache/ingest_session.h"
#include "rpc/server.h"

namespace plumbago::cache {
namespace {

constexpr int kMetricsPerReadMax = 100'000;
constexpr int kPointsPerMessage = 64 << 10;

grpc::Status Draining() {
  return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the cache is draining");
}

void AppendPoints(int metric_index, absl::Span<const Point> points,
                  v1::ReadPointsResponse& response) {
  response.add_metric_index(static_cast<uint32_t>(metric_index));
  response.add_point_count(static_cast<uint32_t>(points.size()));
  for (const Point& point : points) {
    response.add_time(point.time_seconds);
    response.add_value(point.value);
  }
}

}  // namespace

grpc::Status IngestService::Stream(grpc::ServerContext* context, IngestStream* stream) {
  if (grpc::Status refusal = Enter(context); !refusal.ok()) return refusal;
  grpc::Status status = Serve(*stream);
  Leave(context);
  return status;
}

grpc::Status IngestService::Serve(IngestStream& stream) {
  IngestSession session(cache_, *journal_, metrics_);
  v1::IngestRequest request;  // one for all: parsing reuses its columns
  v1::IngestResponse response;
  while (stream.Read(&request)) {
    if (request.has_hello()) {
      if (absl::Status status = session.Begin(request.hello()); !status.ok()) {
        return rpc::ToGrpc(status);
      }
      base::LogInfo(absl::StrCat("relay ", base::Excerpt(request.hello().relay()), " connected"));
      continue;
    }
    if (!session.WaitForRoom()) return Draining();
    response.Clear();
    if (absl::Status status = session.Apply(request.batch(), &response); !status.ok()) {
      base::LogError(absl::StrCat("stream of a relay ended: ", std::string(status.message())));
      return rpc::ToGrpc(status);
    }
    base::Failpoint("ingest.before_acknowledgement");
    response.set_acknowledged_sequence(session.last_sequence());
    response.set_epoch(epoch_());
    if (!stream.Write(response)) break;
  }
  return grpc::Status::OK;
}

void IngestService::Drain() {
  base::MutexLock lock(mutex_);
  is_draining_ = true;
  for (grpc::ServerContext* context : running_) context->TryCancel();
  while (!running_.empty()) left_.Wait(lock);
}

grpc::Status IngestService::Enter(grpc::ServerContext* context) {
  if (grpc::Status refusal = gate_.Check(); !refusal.ok()) return refusal;
  base::MutexLock lock(mutex_);
  if (is_draining_) return Draining();
  running_.insert(context);
  return grpc::Status::OK;
}

void IngestService::Leave(grpc::ServerContext* context) {
  base::MutexLock lock(mutex_);
  running_.erase(context);
  left_.NotifyAll();
}

grpc::Status CacheReadService::ReadPoints(grpc::ServerContext* context,
                                          const v1::ReadPointsRequest* request,
                                          grpc::ServerWriter<v1::ReadPointsResponse>* writer) {
  if (grpc::Status refusal = gate_.Check(); !refusal.ok()) return refusal;
  if (request->tenant().empty()) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "tenant is empty");
  }
  if (request->metric_size() > kMetricsPerReadMax) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                        absl::StrCat(request->metric_size(), " metrics; at most ",
                                     kMetricsPerReadMax, " in one call"));
  }
  v1::ReadPointsResponse response;
  const auto send = [&] {
    response.set_epoch(epoch_());
    const bool is_sent = !context->IsCancelled() && writer->Write(response);
    response.Clear();
    return is_sent;
  };
  std::vector<Point> points;
  for (int i = 0; i < request->metric_size(); ++i) {
    points.clear();
    cache_.Read(request->tenant(), request->metric(i), request->from(), request->until(), &points);
    auto rest = absl::MakeConstSpan(points);
    while (!rest.empty()) {
      const auto room = static_cast<size_t>(kPointsPerMessage - response.time_size());
      AppendPoints(i, rest.first(std::min(room, rest.size())), response);
      rest.remove_prefix(std::min(room, rest.size()));
      if (response.time_size() == kPointsPerMessage && !send()) return grpc::Status::CANCELLED;
    }
  }
  response.set_epoch(epoch_());
  writer->Write(response);
  return grpc::Status::OK;
}

grpc::Status CacheReadService::ListRefusedSeries(grpc::ServerContext*,
                                                 const v1::ListRefusedSeriesRequest* request,
                                                 v1::ListRefusedSeriesResponse* response) {
  if (grpc::Status refusal = gate_.Check(); !refusal.ok()) return refusal;
  for (const RefusalList::Entry& entry : refusals_.Get()) {
    if (!request->tenant().empty() && request->tenant() != entry.tenant) continue;
    v1::ListRefusedSeriesResponse::Series* const series = response->add_series();
    series->set_tenant(entry.tenant);
    series->set_metric(entry.metric);
    series->set_reason(entry.refusal.reason);
    series->set_message(entry.refusal.message);
    series->set_point_count(entry.refusal.point_count);
    series->set_refusal_count(entry.count);
    series->set_is_retried(entry.refusal.may_retry);
    series->set_last_unix_ms(absl::ToUnixMillis(entry.last_at));
  }
  return grpc::Status::OK;
}

}  // namespace plumbago::cache

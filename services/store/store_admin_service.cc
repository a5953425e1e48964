#include "store_admin_service.h"

#include <utility>

#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

// A watcher that is gone is noticed this late.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(500);

}  // namespace

void StoreAdminService::ServePolicy(const PolicyRpc& policy) {
  policy_ = &policy;
  AddJobKind(v1::StartJobRequest::kConvertSeries,
             [&policy](const v1::StartJobRequest& request) { return policy.PlanConvert(request); });
}

grpc::Status StoreAdminService::ExplainSchema(grpc::ServerContext* context,
                                              const v1::ExplainSchemaRequest* request,
                                              v1::ExplainSchemaResponse* response) {
  if (policy_ == nullptr) return Service::ExplainSchema(context, request, response);
  return policy_->ExplainSchema(*request, response);
}

grpc::Status StoreAdminService::ListDrift(grpc::ServerContext* context,
                                          const v1::ListDriftRequest* request,
                                          grpc::ServerWriter<v1::DriftedSeries>* writer) {
  if (policy_ == nullptr) return Service::ListDrift(context, request, writer);
  return policy_->ListDrift(*context, *request, writer);
}

grpc::Status StoreAdminService::ListQuotas(grpc::ServerContext* context,
                                           const v1::ListQuotasRequest* request,
                                           v1::ListQuotasResponse* response) {
  if (policy_ == nullptr) return Service::ListQuotas(context, request, response);
  return policy_->ListQuotas(*request, response);
}

grpc::Status StoreAdminService::StartJob(grpc::ServerContext*, const v1::StartJobRequest* request,
                                         v1::Job* response) {
  const auto planner = planners_.find(request->work_case());
  auto planned =
      planner == planners_.end() ? operations_.Plan(*request) : planner->second(*request);
  if (!planned.ok()) return rpc::ToGrpc(planned.status());
  auto job = operations_.jobs().Submit(std::move(planned->description), std::move(planned->work));
  if (!job.ok()) return rpc::ToGrpc(job.status());
  *response = *std::move(job);
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::WatchJob(grpc::ServerContext* context,
                                         const v1::WatchJobRequest* request,
                                         grpc::ServerWriter<v1::Job>* writer) {
  uint64_t version = 0;
  while (!context->IsCancelled()) {
    const auto watched = operations_.jobs().Await(request->id(), version, kCancellationCheck);
    if (!watched.ok()) return rpc::ToGrpc(watched.status());
    if (watched->version == version) continue;
    version = watched->version;
    if (!writer->Write(watched->job)) break;
    if (watched->has_ended) return grpc::Status::OK;
  }
  return grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone");
}

grpc::Status StoreAdminService::RunJob(grpc::ServerContext* context,
                                       const v1::StartJobRequest* request,
                                       grpc::ServerWriter<v1::Job>* writer) {
  v1::Job started;
  const grpc::Status status = StartJob(context, request, &started);
  if (!status.ok()) return status;
  v1::WatchJobRequest watch;
  watch.set_id(started.id());
  return WatchJob(context, &watch, writer);
}

grpc::Status StoreAdminService::ListJobs(grpc::ServerContext*, const v1::ListJobsRequest*,
                                         v1::ListJobsResponse* response) {
  for (v1::Job& job : operations_.jobs().List()) *response->add_job() = std::move(job);
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                                          v1::Job* response) {
  auto job = operations_.jobs().Cancel(request->id());
  if (!job.ok()) return rpc::ToGrpc(job.status());
  *response = *std::move(job);
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::PutSeries(grpc::ServerContext*, PutSeriesStream::Stream* stream) {
  return PutSeriesStream(operations_.tree(), operations_.staging()).Serve(*stream);
}

grpc::Status StoreAdminService::ListSnapshots(grpc::ServerContext*,
                                              const v1::ListSnapshotsRequest* request,
                                              v1::ListSnapshotsResponse* response) {
  const auto sets = operations_.snapshots().List(request->tenant());
  if (!sets.ok()) return rpc::ToGrpc(sets.status());
  for (const store::SeriesSetAbout& about : *sets) {
    auto& snapshot = *response->add_snapshot();
    snapshot.set_name(about.name);
    snapshot.set_created_unix_seconds(about.created_unix_seconds);
    snapshot.set_series_count(about.series_count);
    snapshot.set_file_bytes(about.file_bytes);
  }
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::ListTrash(grpc::ServerContext*, const v1::ListTrashRequest* request,
                                          v1::ListTrashResponse* response) {
  const auto sets = operations_.trash().List(request->tenant());
  if (!sets.ok()) return rpc::ToGrpc(sets.status());
  const int64_t retention_seconds = absl::ToInt64Seconds(operations_.trash().retention());
  for (const store::SeriesSetAbout& about : *sets) {
    auto& entry = *response->add_entry();
    entry.set_id(about.name);
    entry.set_description(about.description);
    entry.set_deleted_unix_seconds(about.created_unix_seconds);
    entry.set_purged_unix_seconds(about.created_unix_seconds + retention_seconds);
    entry.set_series_count(about.series_count);
    entry.set_file_bytes(about.file_bytes);
  }
  return grpc::Status::OK;
}

}  // namespace plumbago::store_service

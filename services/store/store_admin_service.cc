#include "store_admin_service.h"

#include <utility>

#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

// A watcher that is gone is noticed this late.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(500);

}  // namespace

grpc::Status StoreAdminService::StartJob(grpc::ServerContext*, const v1::StartJobRequest* request,
                                         v1::Job* response) {
  const auto planner = planners_.find(request->work_case());
  if (planner == planners_.end()) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                        "the request names no kind of job that this store knows");
  }
  auto planned = planner->second(*request);
  if (!planned.ok()) return rpc::ToGrpc(planned.status());
  auto job = jobs_.Submit(std::move(planned->description), std::move(planned->work));
  if (!job.ok()) return rpc::ToGrpc(job.status());
  *response = *std::move(job);
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::WatchJob(grpc::ServerContext* context,
                                         const v1::WatchJobRequest* request,
                                         grpc::ServerWriter<v1::Job>* writer) {
  uint64_t version = 0;
  while (!context->IsCancelled()) {
    const auto watched = jobs_.Await(request->id(), version, kCancellationCheck);
    if (!watched.ok()) return rpc::ToGrpc(watched.status());
    if (watched->version == version) continue;
    version = watched->version;
    if (!writer->Write(watched->job)) break;
    if (watched->has_ended) return grpc::Status::OK;
  }
  return grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone");
}

grpc::Status StoreAdminService::ListJobs(grpc::ServerContext*, const v1::ListJobsRequest*,
                                         v1::ListJobsResponse* response) {
  for (v1::Job& job : jobs_.List()) *response->add_job() = std::move(job);
  return grpc::Status::OK;
}

grpc::Status StoreAdminService::CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                                          v1::Job* response) {
  auto job = jobs_.Cancel(request->id());
  if (!job.ok()) return rpc::ToGrpc(job.status());
  *response = *std::move(job);
  return grpc::Status::OK;
}

}  // namespace plumbago::store_service

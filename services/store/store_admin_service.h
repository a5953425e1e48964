// plumbago.v1.StoreAdmin over gRPC: jobs, and the calls about policy and usage, which others
// answer.
//
// Thread-safe. Set everything up before the server starts.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>

#include "absl/status/statusor.h"
#include "plumbago/v1/store_admin.grpc.pb.h"
#include "store/job_runner.h"

namespace plumbago::store_service {

class StoreAdminService final : public v1::StoreAdmin::Service {
 public:
  // Checks a request of one kind and says what its job does. Called on gRPC's threads.
  using Planner =
      std::function<absl::StatusOr<store::JobRunner::Planned>(const v1::StartJobRequest& request)>;

  // `jobs` must outlive the service.
  explicit StoreAdminService(store::JobRunner& jobs) : jobs_(jobs) {}

  // Kinds without a planner are refused. The planner must outlive the service.
  void AddJobKind(v1::StartJobRequest::WorkCase kind, Planner planner) {
    planners_[kind] = std::move(planner);
  }

  grpc::Status StartJob(grpc::ServerContext* context, const v1::StartJobRequest* request,
                        v1::Job* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::Job>* writer) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::Job* response) override;

 private:
  store::JobRunner& jobs_;
  std::map<v1::StartJobRequest::WorkCase, Planner> planners_;  // const after the set-up
};

}  // namespace plumbago::store_service

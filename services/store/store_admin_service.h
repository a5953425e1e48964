// plumbago.v1.StoreAdmin over gRPC: jobs, trash, snapshots, whole series, and the calls about
// policy and usage, which others answer.
//
// Thread-safe. Set everything up before the server starts.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>

#include "absl/status/statusor.h"
#include "operations.h"
#include "plumbago/v1/store_admin.grpc.pb.h"
#include "policy_rpc.h"
#include "put_series.h"
#include "store/job_runner.h"
#include "usage_rpc.h"

namespace plumbago::store_service {

class StoreAdminService final : public v1::StoreAdmin::Service {
 public:
  // Checks a request of one kind and says what its job does. Called on gRPC's threads.
  using Planner =
      std::function<absl::StatusOr<store::JobRunner::Planned>(const v1::StartJobRequest& request)>;

  // `operations` must outlive the service.
  explicit StoreAdminService(Operations& operations)
      : operations_(operations), usage_(operations.tree().index()) {}

  // For a kind that Operations does not know. The planner must outlive the service.
  void AddJobKind(v1::StartJobRequest::WorkCase kind, Planner planner) {
    planners_[kind] = std::move(planner);
  }

  // Without it, its calls are UNIMPLEMENTED. It must outlive the service.
  void ServePolicy(const PolicyRpc& policy);

  grpc::Status ExplainSchema(grpc::ServerContext* context, const v1::ExplainSchemaRequest* request,
                             v1::ExplainSchemaResponse* response) override;
  grpc::Status ListDrift(grpc::ServerContext* context, const v1::ListDriftRequest* request,
                         grpc::ServerWriter<v1::DriftedSeries>* writer) override;
  grpc::Status ListQuotas(grpc::ServerContext* context, const v1::ListQuotasRequest* request,
                          v1::ListQuotasResponse* response) override;

  grpc::Status StartJob(grpc::ServerContext* context, const v1::StartJobRequest* request,
                        v1::Job* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::Job>* writer) override;
  grpc::Status RunJob(grpc::ServerContext* context, const v1::StartJobRequest* request,
                      grpc::ServerWriter<v1::Job>* writer) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::Job* response) override;
  grpc::Status DiskUsage(grpc::ServerContext* context, const v1::DiskUsageRequest* request,
                         v1::DiskUsageResponse* response) override {
    return usage_.DiskUsage(context, request, response);
  }
  grpc::Status ListStale(grpc::ServerContext* context, const v1::ListStaleRequest* request,
                         grpc::ServerWriter<v1::SeriesUsage>* writer) override {
    return usage_.ListStale(context, request, writer);
  }
  grpc::Status ListSlot(grpc::ServerContext* context, const v1::ListSlotRequest* request,
                        grpc::ServerWriter<v1::SlotSeries>* writer) override {
    return usage_.ListSlot(context, request, writer);
  }
  grpc::Status PutSeries(grpc::ServerContext* context, PutSeriesStream::Stream* stream) override;
  grpc::Status ListSnapshots(grpc::ServerContext* context, const v1::ListSnapshotsRequest* request,
                             v1::ListSnapshotsResponse* response) override;
  grpc::Status ListTrash(grpc::ServerContext* context, const v1::ListTrashRequest* request,
                         v1::ListTrashResponse* response) override;

 private:
  Operations& operations_;
  UsageRpc usage_;
  // Const after the set-up.
  const PolicyRpc* policy_ = nullptr;
  std::map<v1::StartJobRequest::WorkCase, Planner> planners_;
};

}  // namespace plumbago::store_service

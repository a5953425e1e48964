#include "relay_admin_service.h"

#include "rpc/server.h"

namespace plumbago::relay {

grpc::Status RelayAdminService::Top(grpc::ServerContext*, const v1::TopRequest* request,
                                    v1::TopResponse* response) {
  if (traffic_ == nullptr) {
    return rpc::ToGrpc(absl::FailedPreconditionError(
        "this relay takes no samples of its traffic; start it with --traffic-samples-max"));
  }
  absl::StatusOr<v1::TopResponse> top = traffic_->Top(*request, clock_.Monotonic());
  if (!top.ok()) return rpc::ToGrpc(top.status());
  *response = *std::move(top);
  return grpc::Status::OK;
}

}  // namespace plumbago::relay

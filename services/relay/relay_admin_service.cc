#include "relay_admin_service.h"

#include <utility>

#include "rpc/server.h"

namespace plumbago::relay {

grpc::Status RelayAdminService::Explain(grpc::ServerContext*, const v1::ExplainRequest* request,
                                        v1::ExplainResponse* response) {
  auto explained = relay_.Explain(*request);
  if (!explained.ok()) return rpc::ToGrpc(explained.status());
  *response = *std::move(explained);
  return grpc::Status::OK;
}

grpc::Status RelayAdminService::ReloadRules(grpc::ServerContext*,
                                            const v1::ReloadRulesRequest* request,
                                            v1::ReloadRulesResponse* response) {
  auto reloaded = relay_.ReloadRules(*request);
  if (!reloaded.ok()) return rpc::ToGrpc(reloaded.status());
  *response = *std::move(reloaded);
  return grpc::Status::OK;
}

grpc::Status RelayAdminService::Top(grpc::ServerContext*, const v1::TopRequest* request,
                                    v1::TopResponse* response) {
  auto top = relay_.Top(*request);
  if (!top.ok()) return rpc::ToGrpc(top.status());
  *response = *std::move(top);
  return grpc::Status::OK;
}

}  // namespace plumbago::relay

// RelayAdmin over gRPC: what operators ask a relay. Thread-safe.
#pragma once

#include "plumbago/v1/relay_admin.grpc.pb.h"
#include "relay_server.h"

namespace plumbago::relay {

class RelayAdminService final : public v1::RelayAdmin::Service {
 public:
  // `relay` outlives the service, and the server that it is registered with.
  explicit RelayAdminService(RelayServer& relay) : relay_(relay) {}

  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override;
  grpc::Status ReloadRules(grpc::ServerContext* context, const v1::ReloadRulesRequest* request,
                           v1::ReloadRulesResponse* response) override;
  grpc::Status Top(grpc::ServerContext* context, const v1::TopRequest* request,
                   v1::TopResponse* response) override;

 private:
  RelayServer& relay_;
};

}  // namespace plumbago::relay

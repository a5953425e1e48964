// What operators ask a relay, over gRPC. Thread-safe.
#pragma once

#include <memory>
#include <utility>

#include "base/clock.h"
#include "plumbago/v1/relay_admin.grpc.pb.h"
#include "relay/traffic.h"

namespace plumbago::relay {

class RelayAdminService final : public v1::RelayAdmin::Service {
 public:
  // `clock` outlives the service; `traffic` may be null: samples are off.
  RelayAdminService(std::shared_ptr<Traffic> traffic, base::Clock& clock)
      : traffic_(std::move(traffic)), clock_(clock) {}

  grpc::Status Top(grpc::ServerContext* context, const v1::TopRequest* request,
                   v1::TopResponse* response) override;

 private:
  const std::shared_ptr<Traffic> traffic_;  // shared with the routers
  base::Clock& clock_;
};

}  // namespace plumbago::relay

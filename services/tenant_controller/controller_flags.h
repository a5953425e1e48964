// The flags of plumbago-tenant-controller.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "plumbago/v1/topology.pb.h"
#include "service/command_line.h"
#include "service/runtime.h"
#include "tenancy/event_store.h"

namespace plumbago::tenant_controller {

struct ControllerFlags {
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7400",
                                .admin_listen = "127.0.0.1:7401",
                                .data_dir = "/var/lib/plumbago/tenant-controller"};
  bool allow_unauthenticated = false;
  std::vector<std::string> shards;
  uint32_t replication_factor = 1;
  tenancy::EventLimits events;
  absl::Duration event_retention = absl::ZeroDuration();
};

void AddFlags(service::CommandLine& line, ControllerFlags& flags);

tenancy::EventLimits EventLimitsOf(const ControllerFlags& flags);

// InvalidArgument for a listening address beyond loopback that was not allowed.
absl::Status ValidateListen(const ControllerFlags& flags);

// The shards of the first start. InvalidArgument for a malformed one.
absl::StatusOr<std::vector<v1::Shard>> ReadShards(const ControllerFlags& flags);

}  // namespace plumbago::tenant_controller

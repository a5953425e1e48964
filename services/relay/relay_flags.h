// The flags of plumbago-relay.
#pragma once

#include "relay_server.h"
#include "service/command_line.h"
#include "service/runtime.h"

namespace plumbago::relay {

struct RelayFlags {
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7200",
                                .admin_listen = "127.0.0.1:7201",
                                .data_dir = "/var/lib/plumbago/relay"};
  std::string controller = "127.0.0.1:7400";
  RelayOptions relay;
};

void AddFlags(service::CommandLine& line, RelayFlags& flags);

}  // namespace plumbago::relay

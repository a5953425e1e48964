// The flags of plumbago-cache.
#pragma once

#include "cache/flusher.h"
#include "cache/point_cache.h"
#include "service/command_line.h"
#include "service/runtime.h"

namespace plumbago::cache {

struct CacheFlags {
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7600",
                                .admin_listen = "127.0.0.1:7601",
                                .data_dir = "/var/lib/plumbago/cache"};
  std::string controller = "127.0.0.1:7400";
  std::string store = "127.0.0.1:7700";
  CacheOptions cache;
  FlusherOptions flusher;
};

void AddFlags(service::CommandLine& line, CacheFlags& flags);

}  // namespace plumbago::cache

// The flags of plumbago-query.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "http/server.h"
#include "query/guarded_shards.h"
#include "query/limits.h"
#include "query_controls.h"
#include "service/command_line.h"
#include "service/runtime.h"

namespace plumbago::query {

struct QueryFlags {
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7500",
                                .admin_listen = "127.0.0.1:7501",
                                .data_dir = "/var/lib/plumbago/query"};
  std::string controller = "127.0.0.1:7400";
  std::string http_listen = "127.0.0.1:8080";
  std::string auth = "none";  // none or keys
  bool allow_unauthenticated = false;
  std::string cors_origin = "*";
  size_t concurrent_requests_max = 32;
  size_t queued_requests_max = 256;
  size_t body_bytes_max = 4 << 20;
  Limits limits;
  size_t tenant_requests_max = 200;
  size_t tenant_queries_max = 24;
  absl::Duration queue_timeout = absl::Seconds(10);
  size_t result_cache_bytes = 64 << 20;
  absl::Duration slow_query_threshold = absl::Seconds(1);
  GuardOptions guard;
  std::string replica_reads = "one";  // one or all
  bool reduces_on_shards = true;
  std::string partial = "mark";  // allow, mark or deny
  bool prints_functions = false;
};

void AddFlags(service::CommandLine& line, QueryFlags& flags);

// InvalidArgument, naming the flag: a bad address, or open to the network without keys.
absl::Status Validate(const QueryFlags& flags);

Limits LimitsOf(const QueryFlags& flags);
ControlOptions ControlsOf(const QueryFlags& flags);
http::ServerOptions HttpServerOptions(const QueryFlags& flags);

}  // namespace plumbago::query

// Graphite's HTTP API: from a request to an answer.
//
// Handle is thread-safe and blocks until the answer is there; http::Server runs it on its pool. GET
// and POST are the same, their parameters are merged; doubled and trailing slashes are tolerated.
// Errors are JSON with a message on every path.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authenticator.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "find_api.h"
#include "functions/function_table.h"
#include "http/message.h"
#include "http/parameters.h"
#include "query/engine.h"
#include "query_metrics.h"
#include "tags_api.h"
#include "time_zones.h"
#include "topology/snapshot.h"

namespace plumbago::query {

struct HttpApiOptions {
  Authentication authentication = Authentication::kNone;
  std::string cors_origin;
  std::string partial = "mark";  // what becomes of partial answers: allow, mark or deny
  absl::Duration request_timeout = absl::Seconds(25);
};

class HttpApi {
 public:
  struct Dependencies {
    const Engine& engine;
    const functions::FunctionTable& functions;
    const topology::SnapshotHolder& snapshots;
    base::Clock& clock;
    base::Metrics& metrics;
  };

  // The dependencies must outlive the API.
  HttpApi(const Dependencies& dependencies, HttpApiOptions options);

  http::Response Handle(const http::Request& request);

 private:
  using Answer = absl::StatusOr<http::Response>;

  // The endpoint of a path, as metrics name it; empty where there is none.
  static absl::string_view EndpointOf(absl::string_view path, const http::Parameters& parameters);
  Answer Dispatch(absl::string_view endpoint, const http::Request& request,
                  const http::Parameters& parameters, absl::string_view path);
  absl::StatusOr<RequestContext> MakeContext(const http::Request& request,
                                             const http::Parameters& parameters,
                                             v1::Key::Scope scope = v1::Key::READ);

  Answer Tags(const http::Request& request, const http::Parameters& parameters,
              absl::string_view path);
  Answer Render(const RequestContext& context, const http::Request& request,
                http::Parameters parameters);
  Answer Find(absl::string_view endpoint, const RequestContext& context,
              const http::Request& request, const http::Parameters& parameters);
  Answer Functions(const http::Parameters& parameters, absl::string_view path) const;

  const Dependencies dependencies_;
  const HttpApiOptions options_;
  const FindApi find_;
  const TagsApi tags_;
  QueryMetrics metrics_;
  TimeZones zones_;
};

}  // namespace plumbago::query

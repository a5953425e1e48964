// Graphite's HTTP API: from a request to an answer.
//
// Handle is thread-safe and blocks until the answer is there; http::Server runs it on its pool. GET
// and POST are the same, their parameters are merged; doubled and trailing slashes are tolerated.
// Errors are JSON with a message on every path.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authenticator.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "events_api.h"
#include "find_api.h"
#include "functions/function_table.h"
#include "http/message.h"
#include "http/parameters.h"
#include "info_api.h"
#include "query/engine.h"
#include "query_controls.h"
#include "query_metrics.h"
#include "tags_api.h"
#include "time_zones.h"
#include "topology/snapshot.h"

namespace plumbago::query {

struct HttpApiOptions {
  Authentication authentication = Authentication::kNone;
  std::string cors_origin;
  std::string partial = "mark";  // what becomes of partial answers: allow, mark or deny
  Limits limits = {};            // of tenants that have none of their own
  ControlOptions controls = {};
};

class HttpApi {
 public:
  struct Dependencies {
    const Engine& engine;
    const functions::FunctionTable& functions;
    const topology::SnapshotHolder& snapshots;
    base::Clock& clock;
    base::Metrics& metrics;
    EventSource* events = nullptr;  // null: there are none
  };

  // The dependencies must outlive the API.
  HttpApi(const Dependencies& dependencies, HttpApiOptions options);

  http::Response Handle(const http::Request& request);

  QueryControls& controls() { return controls_; }

 private:
  using Answer = absl::StatusOr<http::Response>;

  // The endpoint of a path, as metrics name it; empty where there is none.
  static absl::string_view EndpointOf(absl::string_view path, const http::Parameters& parameters);
  Answer Dispatch(absl::string_view endpoint, const http::Request& request,
                  const http::Parameters& parameters, absl::string_view path);
  struct Caller {
    RequestContext context;
    std::optional<uint64_t> running_max;  // queries at a time, if the tenant has a limit of its own
  };
  absl::StatusOr<Caller> MakeContext(const http::Request& request,
                                     const http::Parameters& parameters, v1::Key::Scope scope);

  // Answers what costs something, as the tenant's share and the operator's rules allow.
  Answer Govern(absl::string_view endpoint, const http::Request& request,
                http::Parameters parameters, absl::string_view path);
  Answer Tags(const RequestContext& context, const http::Request& request,
              const http::Parameters& parameters, absl::string_view path);
  Answer Render(const RequestContext& context, const http::Parameters& parameters,
                GovernedQuery& query);
  Answer Info(const RequestContext& context, const http::Parameters& parameters);
  Answer Find(absl::string_view endpoint, const RequestContext& context,
              const http::Request& request, const http::Parameters& parameters);
  Answer Functions(const http::Parameters& parameters, absl::string_view path) const;

  const Dependencies dependencies_;
  const HttpApiOptions options_;
  const FindApi find_;
  const TagsApi tags_;
  const EventsApi events_;
  const InfoApi info_;
  QueryMetrics metrics_;
  TimeZones zones_;
  QueryControls controls_;
};

}  // namespace plumbago::query

// Points over HTTP: lines and JSON, Prometheus remote write, OpenTSDB's /api/put.
//
// A request is answered when the caches have accepted its points, or after `timeout` with 503. All
// requests share one router, apart from those of the reactors. Memory: what the router holds, and
// for each running request its body, inflated at most `body_bytes_max`. Handle is thread-safe;
// SetSnapshot and Stop belong to one owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "http/message.h"
#include "http/server.h"
#include "http_answers.h"
#include "protocols/point_sink.h"
#include "protocols/remote_write.h"
#include "reactor_host.h"
#include "relay/point_router.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct HttpIngestOptions {
  http::ServerOptions server;
  size_t body_bytes_max = protocols::kRemoteWriteBytesMaxDefault;  // inflated
  absl::Duration timeout = absl::Seconds(10);
  std::string tenant;  // of the listener; empty: by network, or the default
  RouterOptions router;
};

class HttpIngest {
 public:
  // `shared` and the spools outlive this. `sender` names the process to the caches. Of `factories`
  // only those of foreign endpoints are used.
  HttpIngest(const HttpIngestOptions& options, const std::string& sender, const SharedParts& shared,
             RouterFactories factories);
  ~HttpIngest();

  // Unavailable: the address cannot be bound.
  absl::Status Start();
  int port() const { return server_->port(); }

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Runs `visit` on the router, between two requests.
  void VisitRouter(const std::function<void(PointRouter&)>& visit);

  // Lets running requests end, for at most `limit`.
  void Stop(absl::Duration limit);

  size_t unacknowledged_bytes();
  size_t known_series();

  http::Response Handle(const http::Request& request);

 private:
  enum class Format { kPlaintextOrJson, kPlaintext, kOpentsdbJson, kRemoteWrite };
  struct Endpoint {
    Format format;
    http::Response (*answer)(const http::Request&, const IngestOutcome&);
  };

  static const Endpoint* FindEndpoint(const std::string& path);
  // By the key, the listener, the network. Unauthenticated, PermissionDenied: a bad key.
  // Unavailable: nothing is known yet.
  absl::StatusOr<Source> Identify(const http::Request& request, Format format)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // InvalidArgument, ResourceExhausted: the body cannot be inflated.
  absl::StatusOr<std::string> BodyOf(const http::Request& request, Format format) const;
  absl::StatusOr<IngestOutcome> Take(const http::Request& request, Format format);
  absl::Status Decode(const http::Request& request, Format format, const std::string& body,
                      protocols::PointSink& sink);
  void RunTicks();

  const HttpIngestOptions options_;
  const SharedParts shared_;

  base::Mutex mutex_;
  base::CondVar stopping_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const topology::Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<PointRouter> router_ ABSL_GUARDED_BY(mutex_);
  std::thread ticker_;
  std::unique_ptr<http::Server> server_;  // last: it calls Handle
};

}  // namespace plumbago::relay

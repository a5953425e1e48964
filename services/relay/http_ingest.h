// Points over HTTP: lines and JSON, Prometheus remote write, OpenTSDB's /api/put.
//
// A request is answered when all of its points are safe: accepted by the caches, or, where a shard
// is down or slow, written to its spool and synced; after `timeout` with 503. All requests share
// one router, apart from those of the reactors. Connections count as those of the reactors do, in
// total and for their source. Memory: what the router holds, and for each running request its body,
// inflated at most `body_bytes_max`. Handle is thread-safe; SetSnapshot and Drain belong to one
// owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "http/message.h"
#include "http/server.h"
#include "http_answers.h"
#include "listener_spec.h"
#include "protocols/point_sink.h"
#include "protocols/remote_write.h"
#include "reactor_host.h"
#include "relay/point_router.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct HttpIngestOptions {
  std::vector<ListenerSpec> listeners;
  http::ServerOptions server;  // its listeners and gate are made of the others
  size_t body_bytes_max = protocols::kRemoteWriteBytesMaxDefault;  // inflated
  absl::Duration timeout = absl::Seconds(10);
  RouterOptions router;
};

class HttpIngest {
 public:
  // `shared` and the spools outlive this. `sender` names the process to the caches. Of `factories`
  // only those of foreign endpoints are used.
  HttpIngest(const HttpIngestOptions& options, const std::string& sender, const SharedParts& shared,
             RouterFactories factories);
  ~HttpIngest();

  // Unavailable: an address cannot be bound.
  absl::Status Start();
  // With the ports in use for those with port 0. After Start.
  const std::vector<ListenerSpec>& listeners() const { return options_.listeners; }

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Runs `visit` on the router, between two requests.
  void VisitRouter(const std::function<void(PointRouter&)>& visit);

  // Takes no more requests, waits until `deadline` (monotonic) for what was taken, and gives the
  // rest to the spools. Returns the number of bytes that are left.
  size_t Drain(absl::Duration deadline);

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
  http::ServerOptions ServerOptionsOf();
  void Stop(absl::Duration limit);
  // By the certificate, the key, the listener, the network. Unauthenticated, PermissionDenied: a
  // bad key. Unavailable: nothing is known yet.
  absl::StatusOr<Source> Identify(const http::Request& request, Format format)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The key's, or null where there is none. Unauthenticated, PermissionDenied, Unavailable as
  // above.
  absl::StatusOr<const topology::KeyGrant*> GrantOf(const http::Request& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // InvalidArgument, ResourceExhausted: the body cannot be inflated.
  absl::StatusOr<std::string> BodyOf(const http::Request& request, Format format) const;
  absl::StatusOr<IngestOutcome> Take(const http::Request& request, Format format);
  absl::Status Decode(const http::Request& request, Format format, const std::string& body,
                      protocols::PointSink& sink);
  void RunTicks();

  HttpIngestOptions options_;
  const SharedParts shared_;

  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_ticker_idle_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const topology::Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<PointRouter> router_ ABSL_GUARDED_BY(mutex_);
  std::thread ticker_;
  std::unique_ptr<http::Server> server_;  // last: it calls Handle
};

}  // namespace plumbago::relay

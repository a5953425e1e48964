// The relay as a whole: its reactors, its HTTP server, and what they are told by the controller's
// snapshots.
//
// Start, SetSnapshot, Drain and the destructor belong to one owner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http_ingest.h"
#include "reactor.h"
#include "relay/relay_metrics.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

// Listeners as texts (listener_spec.h); empty is none.
struct RelayOptions {
  std::string plaintext_tcp = "127.0.0.1:2003";
  std::string plaintext_udp = "127.0.0.1:2003";
  std::string plaintext_unix;
  std::string pickle_tcp;
  std::string protobuf_tcp;
  std::string opentsdb_tcp;
  std::string statsd_tcp;
  std::string statsd_udp;
  std::string http;
  std::string tenant_networks;
  bool allow_unauthenticated = false;
  int reactor_count = 0;  // 0: one per core
  ConnectionMaxima connections;
  TlsOptions tls;
  TenantRates default_rates;
  HttpIngestOptions http_ingest;  // its address and router are taken from the others
  ReactorOptions reactor;         // its listeners are taken from above
};

class RelayServer {
 public:
  // `clock` and `metrics` must outlive the server. `sender` names this process to the caches.
  RelayServer(const RelayOptions& options, const std::string& sender, base::Clock& clock,
              base::Metrics& metrics);
  ~RelayServer();

  // InvalidArgument: a bad address, or one beyond this machine without --allow-unauthenticated.
  // Unavailable: an address in use.
  absl::Status Start();

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Takes what the sockets hold and waits for the caches. Unavailable, with the number of bytes,
  // where something is left at `deadline` (monotonic).
  absl::Status Drain(absl::Duration deadline);

 private:
  absl::Status ResolveListeners();
  absl::Status LoadTls();
  SharedParts Shared();
  absl::Status StartReactors();
  absl::Status StartHttp();
  void PublishGauges();

  RelayOptions options_;
  const std::string sender_;
  base::Clock& clock_;
  base::Metrics& registry_;
  RelayMetrics metrics_;
  ConnectionLimits limits_;
  TenantNetworks networks_;
  std::shared_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::unique_ptr<HttpIngest> http_;
  std::unique_ptr<base::Metrics::ScrapeHook> gauges_;  // last: it reads the others
};

}  // namespace plumbago::relay

// The relay as a whole: its reactors, its HTTP server, and what they are told by the controller's
// snapshots.
//
// Start, SetSnapshot, Drain and the destructor belong to one owner.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "http_ingest.h"
#include "reactor.h"
#include "relay/internal_source.h"
#include "relay/own_metrics.h"
#include "relay/relay_metrics.h"
#include "relay/spooler.h"
#include "relay_collector.h"
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
  // Of points that are neither accepted by a shard nor in a spool, of the whole process.
  size_t in_flight_bytes_max = size_t{128} << 20;
  ConnectionMaxima connections;
  TlsOptions tls;
  TenantRates default_rates;
  HttpIngestOptions http_ingest;  // its address and router are taken from the others
  ReactorOptions reactor;         // its listeners and memory are taken from above
  SpoolerOptions spool;           // the memory is taken from above
  OwnMetricsOptions own_metrics;
  size_t traffic_samples_max = 16'384;  // of each router; 0: none are taken
};

class RelayServer {
 public:
  // All of them must outlive the server. `sender` names this process to the caches.
  RelayServer(const RelayOptions& options, const std::string& sender, base::FileSystem& file_system,
              base::Clock& clock, base::Metrics& metrics);
  ~RelayServer();

  // InvalidArgument: a bad address, or one beyond this machine without --allow-unauthenticated.
  // Unavailable: an address in use. The directory of the spool: as the file system says.
  absl::Status Start();

  // Null where no samples are taken. Shared with the routers.
  const std::shared_ptr<Traffic>& traffic() const { return options_.reactor.router.traffic; }

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Takes what the sockets hold, waits for the caches until `deadline` (monotonic) and writes the
  // rest to the spools. Unavailable, with the number of bytes, where something is left.
  absl::Status Drain(absl::Duration deadline);

 private:
  absl::Status ResolveListeners();
  absl::Status LoadTls();
  SharedParts Shared();
  void ShareMemory();
  absl::Status StartSpooler();
  PointRouter::SpoolFinder SpoolFinder();
  absl::Status StartReactors();
  void MakeInternalSource();
  absl::Status MakeOwnMetrics();
  absl::Status StartHttp();
  void PublishGauges();

  RelayOptions options_;
  const std::string sender_;
  base::FileSystem& file_system_;
  base::Clock& clock_;
  base::Metrics& registry_;
  RelayMetrics metrics_;
  base::Gauge& reactors_behind_;
  std::atomic<uint64_t> snapshot_version_{0};  // of the last one
  ConnectionLimits limits_;
  TenantNetworks networks_;
  std::shared_ptr<TlsContext> tls_;
  std::unique_ptr<Spooler> spooler_;  // null: without
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::unique_ptr<HttpIngest> http_;
  std::unique_ptr<RelayCollector> collector_;
  std::unique_ptr<OwnMetrics> own_metrics_;            // null: none are written
  std::unique_ptr<InternalSource> internal_;           // after its producers and what they read
  std::unique_ptr<base::Metrics::ScrapeHook> gauges_;  // last: it reads the others
};

}  // namespace plumbago::relay

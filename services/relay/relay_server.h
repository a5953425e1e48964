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
#include "foreign_senders.h"
#include "http_ingest.h"
#include "reactor.h"
#include "relay/aggregation.h"
#include "relay/explain.h"
#include "relay/internal_source.h"
#include "relay/own_metrics.h"
#include "relay/relay_metrics.h"
#include "relay/spooler.h"
#include "relay_collector.h"
#include "relay_rules.h"
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
  routing::RuleSettings rules;
  std::string rules_tenants;          // ids apart by blanks, or "*"; empty: the default tenant
  std::string foreign_full = "drop";  // or pause
  ForeignOptions foreign;
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

  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // Whether points can be taken before a slot map is known: the rules send none to our shards.
  bool needs_shards();

  // Thread-safe, from Start to Drain: before and after, Unavailable.
  absl::StatusOr<v1::ReloadRulesResponse> ReloadRules(const v1::ReloadRulesRequest& request) {
    return rules_.Reload(request);
  }
  // Rules and certificate, each by itself; the log says what came of it. As ReloadRules.
  void Reload();
  absl::StatusOr<v1::ExplainResponse> Explain(const v1::ExplainRequest& request);
  // Thread-safe. FailedPrecondition: no samples are taken.
  absl::StatusOr<v1::TopResponse> Top(const v1::TopRequest& request);

  // Takes what the sockets hold, waits for the caches until `deadline` (monotonic) and writes the
  // rest to the spools. Unavailable, with the number of bytes, where something is left.
  absl::Status Drain(absl::Duration deadline);

 private:
  absl::Status ResolveListeners();
  absl::Status ResolveHttp();
  absl::Status LoadTls();
  absl::Status LoadRules();
  SharedParts Shared();
  void ShareMemory();
  absl::Status StartSpooler();
  RouterFactories Factories();
  absl::Status StartReactors();
  void MakeInternalSource();
  absl::Status MakeOwnMetrics();
  absl::Status StartHttp();
  void ApplyRules(const std::shared_ptr<const routing::RouteTable>& table);
  void VisitReactors(const std::function<void(PointRouter&)>& visit);
  std::vector<PointRouter::LiveNames> LiveNames();
  void PublishGauges();

  RelayOptions options_;
  const std::string sender_;
  base::FileSystem& file_system_;
  base::Clock& clock_;
  base::Metrics& registry_;
  RelayMetrics metrics_;
  RelayRules rules_;
  base::Gauge& reactors_behind_;
  std::atomic<uint64_t> snapshot_version_{0};  // of the last one
  ConnectionLimits limits_;
  TenantNetworks networks_;
  std::unique_ptr<ListenerTls> tls_;  // null: no listener wants it
  ForeignSenders foreign_;            // before whose streams it serves
  std::unique_ptr<Spooler> spooler_;  // null: without
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::unique_ptr<HttpIngest> http_;
  base::Mutex visit_mutex_;  // for Explain against Drain
  bool may_visit_ ABSL_GUARDED_BY(visit_mutex_) = false;
  std::shared_ptr<const topology::Snapshot> snapshot_ ABSL_GUARDED_BY(visit_mutex_);
  std::unique_ptr<Aggregation> aggregation_;
  std::unique_ptr<RelayCollector> collector_;
  std::unique_ptr<OwnMetrics> own_metrics_;            // null: none are written
  std::unique_ptr<InternalSource> internal_;           // after its producers and what they read
  std::unique_ptr<base::Metrics::ScrapeHook> gauges_;  // last: it reads the others
};

}  // namespace plumbago::relay

#include "relay_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/log.h"
#include "base/process.h"
#include "base/status.h"
#include "ingest_stream.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;

// The reactors share a port, so a second relay would silently get half of the connections: an
// exclusive socket finds out first.
template <typename Protocol>
absl::Status CheckThatPortIsFree(const http::Address& address, const char* flag) {
  asio::io_context context;
  typename Protocol::socket socket(context);
  const typename Protocol::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  boost::system::error_code error;
  socket.open(endpoint.protocol(), error);
  // For UDP this option would let the bind succeed beside another socket.
  constexpr bool kIsTcp = std::is_same_v<Protocol, asio::ip::tcp>;
  if (!error && kIsTcp) socket.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) socket.bind(endpoint, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(flag, ": cannot listen on ", address.host, ":",
                                             address.port, ": ", error.message()));
}

absl::Status CheckListener(const ListenerSpec& spec, bool allow_unauthenticated) {
  if (spec.transport == Transport::kUnix) return absl::OkStatus();
  if (!http::IsLoopback(spec.address) && !allow_unauthenticated) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.flag, " ", WhereOf(spec),
                     " can be reached from other machines, and senders without a key are not "
                     "authenticated; use a loopback address, or --allow-unauthenticated on a "
                     "network that you trust"));
  }
  return spec.transport == Transport::kUdp
             ? CheckThatPortIsFree<asio::ip::udp>(spec.address, spec.flag.c_str())
             : CheckThatPortIsFree<asio::ip::tcp>(spec.address, spec.flag.c_str());
}

std::vector<routing::Endpoint> EndpointsOf(
    const std::shared_ptr<const routing::RouteTable>& rules) {
  if (rules == nullptr) return {};
  return {rules->endpoints().begin(), rules->endpoints().end()};
}

std::vector<std::string> RulesTenantsOf(const RelayOptions& options) {
  std::vector<std::string> tenants = absl::StrSplit(options.rules_tenants, ' ', absl::SkipEmpty());
  if (tenants.empty()) tenants.push_back(options.reactor.router.tenant);
  return tenants;
}

absl::StatusOr<ForeignFull> ParseForeignFull(const std::string& text) {
  if (text == "drop") return ForeignFull::kDrop;
  if (text == "pause") return ForeignFull::kPause;
  return absl::InvalidArgumentError(
      absl::StrCat("--foreign-full ", base::Excerpt(text), " is not known; use drop or pause"));
}

}  // namespace

RelayServer::RelayServer(const RelayOptions& options, const std::string& sender,
                         base::FileSystem& file_system, base::Clock& clock, base::Metrics& metrics)
    : options_(options),
      sender_(sender),
      file_system_(file_system),
      clock_(clock),
      registry_(metrics),
      metrics_(metrics, options.reactor.router.tenant),
      rules_(options.rules, RulesTenantsOf(options), file_system, metrics),
      reactors_behind_(metrics.AddGauge(
          "plumbago_relay_reactors_behind_snapshot",
          "Reactors that do not take points by the last snapshot yet; not 0 for long: one hangs")),
      limits_(options.connections),
      foreign_(options.foreign, file_system, metrics, metrics_.points_held) {
  options_.reactor.router.limiters = std::make_shared<TenantLimiters>(options.default_rates);
  if (options.traffic_samples_max > 0) {
    options_.reactor.router.traffic = std::make_shared<Traffic>(options.traffic_samples_max);
  }
}

RelayServer::~RelayServer() {
  if (spooler_ != nullptr) spooler_->Stop();  // what it holds refers to names of the reactors
}

absl::Status RelayServer::Start() {
  PLUMBAGO_RETURN_IF_ERROR(protocols::CheckStatsdOptions(options_.reactor.statsd));
  PLUMBAGO_ASSIGN_OR_RETURN(networks_, TenantNetworks::Parse(options_.tenant_networks));
  PLUMBAGO_RETURN_IF_ERROR(ResolveListeners());
  PLUMBAGO_RETURN_IF_ERROR(LoadTls());
  PLUMBAGO_RETURN_IF_ERROR(LoadRules());
  ShareMemory();
  PLUMBAGO_RETURN_IF_ERROR(foreign_.Start());
  PLUMBAGO_RETURN_IF_ERROR(StartSpooler());
  MakeInternalSource();
  PLUMBAGO_RETURN_IF_ERROR(MakeOwnMetrics());
  PLUMBAGO_RETURN_IF_ERROR(StartReactors());
  PLUMBAGO_RETURN_IF_ERROR(StartHttp());
  internal_->Start();
  rules_.SetRouters({.apply = [this](const auto& table) { ApplyRules(table); },
                     .live_names = [this] { return LiveNames(); }});
  {
    base::MutexLock lock(visit_mutex_);
    may_visit_ = true;
  }
  gauges_ = registry_.BeforeScrape([this] { PublishGauges(); });
  return absl::OkStatus();
}

absl::Status RelayServer::ResolveListeners() {
  const struct {
    const char* flag;
    const std::string& text;
    Transport transport;
    Protocol protocol;
  } kinds[] = {
      {"--plaintext-tcp", options_.plaintext_tcp, Transport::kTcp, Protocol::kPlaintext},
      {"--plaintext-udp", options_.plaintext_udp, Transport::kUdp, Protocol::kPlaintext},
      {"--plaintext-unix", options_.plaintext_unix, Transport::kUnix, Protocol::kPlaintext},
      {"--pickle-tcp", options_.pickle_tcp, Transport::kTcp, Protocol::kPickle},
      {"--protobuf-tcp", options_.protobuf_tcp, Transport::kTcp, Protocol::kProtobuf},
      {"--opentsdb-tcp", options_.opentsdb_tcp, Transport::kTcp, Protocol::kOpentsdb},
      {"--statsd-tcp", options_.statsd_tcp, Transport::kTcp, Protocol::kStatsd},
      {"--statsd-udp", options_.statsd_udp, Transport::kUdp, Protocol::kStatsd},
  };
  for (const auto& kind : kinds) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto specs,
                              ParseListeners(kind.flag, kind.text, kind.transport, kind.protocol));
    for (const ListenerSpec& spec : specs) {
      PLUMBAGO_RETURN_IF_ERROR(CheckListener(spec, options_.allow_unauthenticated));
      options_.reactor.listeners.push_back(spec);
    }
  }
  return ResolveHttp();
}

absl::Status RelayServer::ResolveHttp() {
  auto& listeners = options_.http_ingest.listeners;
  PLUMBAGO_ASSIGN_OR_RETURN(
      listeners, ParseListeners("--http", options_.http, Transport::kTcp, Protocol::kHttp));
  for (const ListenerSpec& spec : listeners) {
    PLUMBAGO_RETURN_IF_ERROR(CheckListener(spec, options_.allow_unauthenticated));
  }
  return absl::OkStatus();
}

absl::Status RelayServer::LoadTls() {
  std::vector<ListenerSpec> listeners = options_.reactor.listeners;
  const auto& http = options_.http_ingest.listeners;
  listeners.insert(listeners.end(), http.begin(), http.end());
  const auto spec = std::find_if(listeners.begin(), listeners.end(),
                                 [](const ListenerSpec& each) { return each.is_tls; });
  if (spec == listeners.end()) return absl::OkStatus();
  if (options_.tls.certificate_path.empty() || options_.tls.key_path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(spec->flag, " ", WhereOf(*spec),
                                                   ",tls needs --tls-certificate and --tls-key"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(tls_, ListenerTls::Load(options_.tls, registry_));
  return absl::OkStatus();
}

absl::Status RelayServer::LoadRules() {
  RouterOptions& router = options_.reactor.router;
  PLUMBAGO_ASSIGN_OR_RETURN(router.foreign_full, ParseForeignFull(options_.foreign_full));
  PLUMBAGO_RETURN_IF_ERROR(rules_.Load());
  router.rules = rules_.table();
  router.rules_tenants = RulesTenantsOf(options_);
  router.aggregator = std::make_shared<routing::Aggregator>(rules_.aggregator_options(), clock_);
  aggregation_ = std::make_unique<Aggregation>(router.aggregator, registry_);
  return absl::OkStatus();
}

absl::Status RelayServer::StartSpooler() {
  if (options_.spool.bytes_max == 0) return absl::OkStatus();
  spooler_ = std::make_unique<Spooler>(
      options_.spool, file_system_, clock_, registry_, metrics_,
      Spooler::StreamFactories{
          .shard =
              [this](const auto& shard) {
                return std::make_unique<IngestStream>(shard, absl::StrCat(sender_, "/spool"),
                                                      metrics_, [] {});
              },
          .endpoint = [this](const auto& endpoint) { return foreign_.MakeStream(endpoint); }});
  const absl::Status taken_up = spooler_->TakeUp();
  if (!taken_up.ok()) return base::Annotate(taken_up, "--spool-dir");
  spooler_->SetEndpoints(EndpointsOf(rules_.table()));
  spooler_->Start();
  return absl::OkStatus();
}

// A quarter of the memory is for what the spool has not written yet, the rest for what the reactors
// have sent.
void RelayServer::ShareMemory() {
  const size_t core_count = std::max(1u, std::thread::hardware_concurrency());
  if (options_.reactor_count == 0) options_.reactor_count = static_cast<int>(core_count);
  // HTTP has a router too.
  const size_t part_count = static_cast<size_t>(options_.reactor_count) +
                            (options_.http_ingest.listeners.empty() ? 0 : 1);
  const size_t bytes_max = options_.in_flight_bytes_max;
  options_.spool.queue_bytes_max = options_.spool.bytes_max > 0 ? bytes_max / 4 : 0;
  options_.reactor.router.in_flight_bytes_max =
      (bytes_max - options_.spool.queue_bytes_max) / part_count;
}

SharedParts RelayServer::Shared() { return {clock_, metrics_, limits_, networks_, tls_.get()}; }

// Without the streams to shards: each router has an own way to be told what they accept.
RouterFactories RelayServer::Factories() {
  RouterFactories factories;
  factories.make_endpoint_stream = [this](const auto& endpoint) {
    return foreign_.MakeStream(endpoint);
  };
  if (spooler_ != nullptr) {
    factories.find_spool = [this](const auto& shard) { return &spooler_->SpoolOf(shard.id); };
    factories.find_endpoint_spool = [this](const auto& endpoint) {
      return &spooler_->SpoolOf(endpoint);
    };
  }
  return factories;
}

// Its points are not limited: senders cannot cause more of them than of their own.
void RelayServer::MakeInternalSource() {
  InternalSourceOptions source{.router = options_.reactor.router};
  source.router.limiters = nullptr;
  source.router.in_flight_bytes_max = options_.reactor.router.in_flight_bytes_max / 8;
  RouterFactories factories = Factories();
  factories.make_stream = [this, sender = absl::StrCat(sender_, "/internal")](const auto& shard) {
    return std::make_unique<IngestStream>(shard, sender, metrics_, [] {});
  };
  internal_ = std::make_unique<InternalSource>(source, clock_, metrics_, std::move(factories));
  internal_->AddProducer(*aggregation_);
}

absl::Status RelayServer::MakeOwnMetrics() {
  OwnMetricsOptions& own = options_.own_metrics;
  collector_ = std::make_unique<RelayCollector>(clock_, registry_, metrics_, foreign_,
                                                spooler_ == nullptr
                                                    ? RelayCollector::Spools::kNone
                                                    : RelayCollector::Spools::kOfDestinations);
  PLUMBAGO_ASSIGN_OR_RETURN(own.prefix, ResolvePrefix(own.prefix, base::HostName()));
  if (own.tenant.empty()) own.tenant = options_.reactor.router.tenant;
  if (own.interval == absl::ZeroDuration() || own.tenant.empty()) return absl::OkStatus();
  if (own.interval < absl::Seconds(1)) {
    return absl::InvalidArgumentError(absl::StrCat("--own-metrics-interval ",
                                                   absl::FormatDuration(own.interval),
                                                   " is less than a second; 0 writes none"));
  }
  own_metrics_ = std::make_unique<OwnMetrics>(own, clock_);
  own_metrics_->AddCollector([this](OwnMetricsReport& report) {
    PublishGauges();
    collector_->Collect(report);
  });
  internal_->AddProducer(*own_metrics_);
  return absl::OkStatus();
}

absl::Status RelayServer::StartReactors() {
  std::vector<std::unique_ptr<Reactor>> reactors;
  for (int i = 0; i < options_.reactor_count; ++i) {
    auto reactor = std::make_unique<Reactor>(i, options_.reactor, sender_, Shared(), Factories());
    PLUMBAGO_RETURN_IF_ERROR(reactor->Start());
    // Port 0: the first reactor chose one, the others share it.
    options_.reactor.listeners = reactor->listeners();
    reactors.push_back(std::move(reactor));
  }
  reactors_ = std::move(reactors);
  for (const ListenerSpec& spec : options_.reactor.listeners) {
    base::LogInfo(absl::StrCat("takes points on ", WhereOf(spec), " (", spec.flag, ")"));
  }
  return absl::OkStatus();
}

absl::Status RelayServer::StartHttp() {
  HttpIngestOptions& http = options_.http_ingest;
  if (http.listeners.empty()) return absl::OkStatus();
  http.router = options_.reactor.router;
  http_ = std::make_unique<HttpIngest>(http, sender_, Shared(), Factories());
  PLUMBAGO_RETURN_IF_ERROR(http_->Start());
  for (const ListenerSpec& spec : http_->listeners()) {
    base::LogInfo(absl::StrCat("takes points on ", WhereOf(spec), " (--http)"));
  }
  return absl::OkStatus();
}

// All at once, as far as anybody can tell: the internal source waits while the others change, so
// that no rule of before emits once nobody feeds it any more.
void RelayServer::ApplyRules(const std::shared_ptr<const routing::RouteTable>& table) {
  static const std::vector<std::shared_ptr<const routing::AggregateSpec>> kNone;
  if (spooler_ != nullptr) spooler_->SetEndpoints(EndpointsOf(table));
  internal_->VisitRouter([&](PointRouter& internal) {
    VisitReactors([&](PointRouter& router) { router.SetRouteTable(table); });
    InternalSink sink(internal);
    aggregation_->Keep(table == nullptr ? kNone : table->aggregates(), sink);
    internal.SetRouteTable(table);
  });
}

// Those of the reactors and of HTTP, each on its own thread; returns when it was at all of them.
void RelayServer::VisitReactors(const std::function<void(PointRouter&)>& visit) {
  std::vector<std::future<void>> visited;
  for (const auto& reactor : reactors_) visited.push_back(reactor->Visit(visit));
  if (http_ != nullptr) http_->VisitRouter(visit);
  for (const std::future<void>& each : visited) each.wait();
}

std::vector<PointRouter::LiveNames> RelayServer::LiveNames() {
  base::Mutex mutex;
  std::vector<PointRouter::LiveNames> all;
  const auto collect = [&](PointRouter& router) {
    base::MutexLock lock(mutex);
    for (const PointRouter::LiveNames& names : router.live_names()) all.push_back(names);
  };
  VisitReactors(collect);
  internal_->VisitRouter(collect);
  return all;
}

bool RelayServer::needs_shards() {
  const auto table = rules_.table();
  if (table == nullptr) return true;
  return std::any_of(table->groups().begin(), table->groups().end(),
                     [](const auto& group) { return group.kind == routing::GroupKind::kShards; });
}

void RelayServer::Reload() {
  (void)ReloadRules({});
  if (tls_ != nullptr) tls_->Reload();
}

absl::StatusOr<v1::ExplainResponse> RelayServer::Explain(const v1::ExplainRequest& request) {
  base::MutexLock lock(visit_mutex_);
  if (!may_visit_) {
    return absl::UnavailableError("the relay starts or stops; try again when it is ready");
  }
  const ExplainContext context{.snapshot = snapshot_.get(),
                               .default_tenant = options_.reactor.router.tenant,
                               .default_rates = options_.default_rates,
                               .default_name_bytes_max = options_.reactor.router.name_bytes_max,
                               .default_connections_max = options_.connections.per_tenant};
  absl::StatusOr<v1::ExplainResponse> explained;
  const std::function<void(PointRouter&)> explain = [&](PointRouter& router) {
    explained = relay::Explain(router, context, request);
  };
  reactors_.front()->Visit(explain).wait();
  return explained;
}

void RelayServer::PublishGauges() {
  size_t unacknowledged_bytes = spooler_ == nullptr ? 0 : spooler_->queued_bytes();
  size_t known_series = 0;
  size_t behind_count = 0;
  for (const auto& reactor : reactors_) {
    behind_count += reactor->snapshot_version() != snapshot_version_.load() ? 1 : 0;
    unacknowledged_bytes += reactor->unacknowledged_bytes();
    known_series += reactor->known_series();
  }
  unacknowledged_bytes += internal_->unacknowledged_bytes();
  known_series += internal_->known_series();
  if (http_ != nullptr) {
    unacknowledged_bytes += http_->unacknowledged_bytes();
    known_series += http_->known_series();
  }
  metrics_.unacknowledged_bytes.Set(static_cast<double>(unacknowledged_bytes));
  reactors_behind_.Set(static_cast<double>(behind_count));
  metrics_.known_series.Set(static_cast<double>(known_series));
}

void RelayServer::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  snapshot_version_.store(snapshot->version());
  {
    base::MutexLock lock(visit_mutex_);
    snapshot_ = snapshot;
  }
  if (spooler_ != nullptr) spooler_->SetSlotMap(snapshot->slot_map());
  collector_->SetSlotMap(snapshot->slot_map());
  for (const auto& reactor : reactors_) reactor->SetSnapshot(snapshot);
  internal_->SetSnapshot(snapshot);
  if (http_ != nullptr) http_->SetSnapshot(snapshot);
}

absl::StatusOr<v1::TopResponse> RelayServer::Top(const v1::TopRequest& request) {
  const std::shared_ptr<Traffic>& traffic = options_.reactor.router.traffic;
  if (traffic != nullptr) return traffic->Top(request, clock_.Monotonic());
  return absl::FailedPreconditionError(
      "this relay takes no samples of its traffic; start it with --traffic-samples-max");
}

absl::Status RelayServer::Drain(absl::Duration deadline) {
  rules_.Stop();
  {
    base::MutexLock lock(visit_mutex_);
    may_visit_ = false;
  }
  std::vector<std::future<size_t>> drains;  // all at once: each takes points until its own begins
  for (const auto& reactor : reactors_) drains.push_back(reactor->Drain(deadline));
  size_t left_bytes = http_ == nullptr ? 0 : http_->Drain(deadline);
  for (std::future<size_t>& drain : drains) left_bytes += drain.get();
  left_bytes += internal_->Drain(deadline);  // after all that feeds its producers
  if (spooler_ != nullptr) left_bytes += spooler_->Stop();
  if (left_bytes == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "stopped with ", left_bytes,
      " bytes of points that no cache accepted and no spool could take; they are lost. "
      "Look at the disk of --spool-dir and raise --spool-bytes-max, or keep the "
      "caches up until the relays have stopped"));
}

}  // namespace plumbago::relay

#include "http_ingest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "http/credentials.h"
#include "ingest_stream.h"
#include "protocols/decompressor.h"
#include "protocols/json_points.h"
#include "protocols/plaintext_body.h"
#include "protocols/refusal_report.h"
#include "protocols/remote_write.h"
#include "relay/router_sink.h"

namespace plumbago::relay {

namespace {

constexpr absl::Duration kIdleTick = absl::Milliseconds(500);
constexpr absl::Duration kDrainPoll = absl::Milliseconds(10);

// Counts the connections among those of the relay.
class Gate final : public http::ConnectionGate {
 public:
  explicit Gate(const SharedParts& shared) : shared_(shared) {}

  Place Admit() override {
    Place place = Take(ConnectionLimits::Kind::kTotal, "", "total");
    if (place == nullptr) return nullptr;
    return std::make_shared<Counted>(std::move(place), shared_.metrics.connections);
  }
  Place AdmitSource(const std::string& address) override {
    return Take(ConnectionLimits::Kind::kSource, address, "source");
  }
  void OnFailedOpening(const std::string& reason) override {
    shared_.metrics.connections_closed(Protocol::kHttp, reason).Increment();
  }

 private:
  struct Counted {
    Counted(Place taken, base::Gauge& open) : place(std::move(taken)), connections(open) {
      connections.Add(1);
    }
    ~Counted() { connections.Add(-1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    const Place place;
    base::Gauge& connections;
  };

  Place Take(ConnectionLimits::Kind kind, const std::string& name, const char* limit) {
    std::optional<ConnectionLimits::Place> place = shared_.limits.Take(kind, name);
    if (place.has_value()) return std::make_shared<ConnectionLimits::Place>(*std::move(place));
    shared_.metrics.connections_refused(limit).Increment();
    return nullptr;
  }

  const SharedParts shared_;
};

}  // namespace

HttpIngest::HttpIngest(const HttpIngestOptions& options, const std::string& sender,
                       const SharedParts& shared, RouterFactories factories)
    : options_(options), shared_(shared) {
  factories.make_stream = [this, sender = absl::StrCat(sender, "/http")](const auto& shard) {
    return std::make_unique<IngestStream>(shard, sender, shared_.metrics, [] {});
  };
  base::MutexLock lock(mutex_);
  router_ = std::make_unique<PointRouter>(options_.router, shared_.clock, shared_.metrics,
                                          std::move(factories));
}

HttpIngest::~HttpIngest() { Stop(absl::ZeroDuration()); }

absl::Status HttpIngest::Start() {
  auto server = http::Server::Start(
      ServerOptionsOf(), [this](const http::Request& request) { return Handle(request); });
  if (!server.ok()) return base::Annotate(server.status(), "--http");
  server_ = *std::move(server);
  for (size_t i = 0; i < options_.listeners.size(); ++i) {
    options_.listeners[i].address.port = static_cast<uint16_t>(server_->port(i));
  }
  ticker_ = std::thread([this] { RunTicks(); });
  return absl::OkStatus();
}

http::ServerOptions HttpIngest::ServerOptionsOf() {
  http::ServerOptions server = options_.server;
  server.connections_max = SIZE_MAX;  // for the gate to say
  server.gate = std::make_shared<Gate>(shared_);
  server.listeners.clear();
  for (const ListenerSpec& spec : options_.listeners) {
    http::ListenerOptions listener{.address = http::TextOf(spec.address),
                                   .has_proxy_header = spec.has_proxy_header};
    if (spec.is_tls) {
      listener.tls = [tls = shared_.tls] {
        const std::shared_ptr<TlsContext> context = tls->current();
        return std::shared_ptr<SSL_CTX>(context, context->get());
      };
    }
    server.listeners.push_back(std::move(listener));
  }
  return server;
}

void HttpIngest::Stop(absl::Duration limit) {
  if (server_ != nullptr) server_->Stop(limit);
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.NotifyAll();
  }
  if (ticker_.joinable()) ticker_.join();
}

size_t HttpIngest::Drain(absl::Duration deadline) {
  Stop(deadline - shared_.clock.Monotonic());
  base::MutexLock lock(mutex_);
  router_->Flush();
  for (;;) {
    router_->Tick();  // a shard that is down now has its points in the spool
    if (router_->unacknowledged_bytes() == 0 || shared_.clock.Monotonic() >= deadline) break;
    changed_.WaitFor(lock, absl::ToInt64Nanoseconds(kDrainPoll));
  }
  if (router_->unacknowledged_bytes() > 0) router_->SpoolEverything();
  return router_->unacknowledged_bytes();
}

// Looks after the shards while they owe an answer, and publishes what was counted; requests send
// their batches themselves.
void HttpIngest::RunTicks() {
  const absl::Duration interval = std::max(options_.router.batch_delay, absl::Milliseconds(1));
  base::MutexLock lock(mutex_);
  while (!is_stopping_) {
    router_->Tick();
    is_ticker_idle_ = router_->unacknowledged_bytes() == 0;
    changed_.WaitFor(lock, absl::ToInt64Nanoseconds(is_ticker_idle_ ? kIdleTick : interval));
  }
}

void HttpIngest::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  base::MutexLock lock(mutex_);
  snapshot_ = snapshot;
  router_->SetSnapshot(snapshot);
}

void HttpIngest::VisitRouter(const std::function<void(PointRouter&)>& visit) {
  base::MutexLock lock(mutex_);
  visit(*router_);
}

size_t HttpIngest::unacknowledged_bytes() {
  base::MutexLock lock(mutex_);
  return router_->unacknowledged_bytes();
}

size_t HttpIngest::known_series() {
  base::MutexLock lock(mutex_);
  return router_->known_series();
}

const HttpIngest::Endpoint* HttpIngest::FindEndpoint(const std::string& path) {
  struct Entry {
    const char* path;
    Endpoint endpoint;
  };
  static const std::array<Entry, 7> kEntries{{
      {"/api/v1/points", {Format::kPlaintextOrJson, PointsAnswer}},
      {"/api/v1/sink", {Format::kPlaintext, SinkAnswer}},
      {"/api/put", {Format::kOpentsdbJson, OpentsdbAnswer}},
      {"/api/v1/prom/write", {Format::kRemoteWrite, RemoteWriteAnswer}},
      {"/api/v1/write", {Format::kRemoteWrite, RemoteWriteAnswer}},
      {"/api/v1/receive", {Format::kRemoteWrite, RemoteWriteAnswer}},
      {"/receive", {Format::kRemoteWrite, RemoteWriteAnswer}},
  }};
  for (const Entry& entry : kEntries) {
    if (path == entry.path) return &entry.endpoint;
  }
  return nullptr;
}

http::Response HttpIngest::Handle(const http::Request& request) {
  const Endpoint* const endpoint = FindEndpoint(request.path);
  if (endpoint == nullptr) {
    return ErrorAnswer(absl::NotFoundError(
        absl::StrCat("no such path: ", base::Excerpt(request.path),
                     "; points go to /api/v1/points, /api/v1/sink, /api/put or /api/v1/write")));
  }
  if (request.method != "POST") {
    http::Response response = ErrorAnswer(absl::InvalidArgumentError("points are sent by POST"));
    response.status = 405;
    response.headers.Add("Allow", "POST");
    return response;
  }
  const absl::StatusOr<IngestOutcome> outcome = Take(request, endpoint->format);
  return outcome.ok() ? endpoint->answer(request, *outcome) : ErrorAnswer(outcome.status());
}

absl::StatusOr<IngestOutcome> HttpIngest::Take(const http::Request& request, Format format) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string body, BodyOf(request, format));
  const auto delivery = std::make_shared<Delivery>();
  IngestOutcome outcome;
  {
    base::MutexLock lock(mutex_);
    PLUMBAGO_ASSIGN_OR_RETURN(const Source source, Identify(request, format));
    if (router_->is_backlogged()) {
      return absl::ResourceExhaustedError("the shards do not keep up; try again later");
    }
    router_->Tick();
    router_->SetSource(source);
    router_->SetDelivery(delivery);
    RouterSink sink(*router_);
    protocols::RefusalReport report(sink);
    sink.SetReport(&report);
    outcome.structure = Decode(request, format, body, report);
    router_->Flush();
    if (is_ticker_idle_) changed_.NotifyAll();  // it looks after the shards until they have it
    router_->SetDelivery(nullptr);
    outcome.accepted_count = report.accepted_count();
    outcome.refused_count = report.refused_count();
    outcome.limited_count = sink.limited_count();
    outcome.first_refused = report.first_refused();
  }
  if (!delivery->Wait(shared_.clock, shared_.clock.Monotonic() + options_.timeout)) {
    return absl::UnavailableError(
        absl::StrCat("the points were neither accepted by their shards nor in a spool within ",
                     absl::FormatDuration(options_.timeout), " (--http-timeout); send them again"));
  }
  return outcome;
}

absl::StatusOr<Source> HttpIngest::Identify(const http::Request& request, Format format) {
  const bool has_shards = snapshot_ != nullptr && !snapshot_->slot_map()->shards().empty();
  if (!has_shards && router_->learner().needs_shards()) {
    return absl::UnavailableError("no slot map yet: waiting for the tenant-controller");
  }
  Source source{.protocol =
                    format == Format::kRemoteWrite ? Protocol::kRemoteWrite : Protocol::kHttp};
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(request.remote_address, error);
  if (!error) source.sender = SenderOf(address);
  PLUMBAGO_ASSIGN_OR_RETURN(const topology::KeyGrant* const grant, GrantOf(request));
  std::string known;
  if (!request.client_name.empty()) {
    known = request.client_name;
    source.is_tenant_certain = true;
  } else if (grant != nullptr) {
    known = grant->tenant->id();
  } else {
    known = options_.listeners[request.listener].tenant;
    if (known.empty() && !error) known = shared_.networks.TenantOf(address);
  }
  if (!known.empty()) source.tenant = router_->TenantOf(known);
  const std::string& tenant = router_->NameOf(source.tenant);
  if (tenant.empty()) {
    return absl::UnauthenticatedError(
        "a key is needed: send it as user or password of basic authentication, as a bearer token, "
        "or as X-Api-Key");
  }
  if (!router_->IsAdmitted(source.tenant)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the tenant ", tenant, " may not write: it is suspended or being deleted"));
  }
  return source;
}

absl::StatusOr<const topology::KeyGrant*> HttpIngest::GrantOf(const http::Request& request) {
  const std::string key = http::KeyOf(request);
  if (key.empty()) return nullptr;
  if (snapshot_ == nullptr) {
    return absl::UnavailableError("no keys yet: waiting for the tenant-controller");
  }
  const topology::KeyGrant* const grant = snapshot_->FindKey(base::Sha256(key));
  if (grant == nullptr) return absl::UnauthenticatedError("the key is not known, or revoked");
  if (!grant->Allows(v1::Key::INGEST)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the key ", grant->key_id, " does not have the scope INGEST"));
  }
  return grant;
}

absl::StatusOr<std::string> HttpIngest::BodyOf(const http::Request& request, Format format) const {
  const absl::string_view encoding = request.headers.Get("Content-Encoding");
  const bool is_snappy = format == Format::kRemoteWrite;  // its decoder inflates
  if (encoding.empty() || encoding == "identity" || is_snappy) return request.body;
  if (!absl::EqualsIgnoreCase(encoding, "gzip")) {
    return absl::UnimplementedError(
        absl::StrCat("Content-Encoding ", base::Excerpt(encoding), " is not known; use gzip"));
  }
  std::string body;
  bool is_too_large = false;
  const auto inflater = protocols::MakeDecompressor(protocols::Compression::kGzip);
  const absl::Status status = inflater->Feed(request.body, [&](absl::string_view piece) {
    is_too_large = is_too_large || body.size() + piece.size() > options_.body_bytes_max;
    if (!is_too_large) body.append(piece.data(), piece.size());
  });
  if (is_too_large || absl::IsResourceExhausted(status)) {
    return absl::OutOfRangeError(
        absl::StrCat("the body inflates to more than ", options_.body_bytes_max, " bytes"));
  }
  PLUMBAGO_RETURN_IF_ERROR(status);
  PLUMBAGO_RETURN_IF_ERROR(inflater->Finish());
  return body;
}

absl::Status HttpIngest::Decode(const http::Request& request, Format format,
                                const std::string& body, protocols::PointSink& sink) {
  const auto now_seconds = static_cast<uint32_t>(shared_.clock.UnixSeconds());
  const bool is_json =
      absl::StartsWithIgnoreCase(request.headers.Get("Content-Type"), "application/json");
  if (format == Format::kRemoteWrite) {
    return protocols::DecodeRemoteWrite(body, options_.body_bytes_max, sink);
  }
  if (format == Format::kOpentsdbJson || (format == Format::kPlaintextOrJson && is_json)) {
    return protocols::DecodeJsonPoints(body, now_seconds, sink);
  }
  protocols::DecodePlaintextBody(body, now_seconds, sink);
  return absl::OkStatus();
}

}  // namespace plumbago::relay

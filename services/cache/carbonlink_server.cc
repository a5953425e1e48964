#include "carbonlink_server.h"

#include <pthread.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "http/address.h"
#include "protocols/carbonlink.h"
#include "protocols/frame_cutter.h"

namespace plumbago::cache {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using protocols::CarbonlinkPoint;
using protocols::CarbonlinkRequest;

std::chrono::nanoseconds ToChrono(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

// As carbon's cache has them: one value a time, the last that came.
std::vector<CarbonlinkPoint> HotPoints(const PointCache& cache, const std::string& tenant,
                                       const std::string& metric) {
  std::vector<Point> points;
  cache.Read(tenant, metric, 0, UINT32_MAX, &points);
  std::vector<CarbonlinkPoint> unique;
  unique.reserve(points.size());
  absl::flat_hash_map<uint32_t, size_t> position;
  for (const Point& point : points) {
    const auto [found, is_new] = position.try_emplace(point.time_seconds, unique.size());
    if (is_new) {
      unique.push_back({point.time_seconds, point.value});
    } else {
      unique[found->second].value = point.value;
    }
  }
  return unique;
}

}  // namespace

class CarbonlinkServer::Impl {
 public:
  Impl(const CarbonlinkOptions& options, const PointCache& cache, base::Metrics& metrics,
       std::unique_ptr<AggregationMethods> methods)
      : options_(options),
        cache_(cache),
        metrics_(metrics),
        methods_(std::move(methods)),
        connections_(metrics.AddGauge("plumbago_cache_carbonlink_connections",
                                      "Open connections of graphite-web")) {}
  ~Impl() { Stop(); }

  absl::Status Listen();
  void Start();

 private:
  class Connection;

  void Stop();
  void Accept();
  std::string Answer(const CarbonlinkRequest& request);
  std::string AnswerBulk(const CarbonlinkRequest& request);
  std::string AnswerMetadata(const CarbonlinkRequest& request);
  void CountRequest(const CarbonlinkRequest& request);
  void CountRefused(const std::string& reason);

  const CarbonlinkOptions options_;
  const PointCache& cache_;
  base::Metrics& metrics_;
  const std::unique_ptr<AggregationMethods> methods_;
  base::Gauge& connections_;
  size_t connection_count_ = 0;  // on the thread

  asio::io_context context_{1};
  asio::thread_pool metadata_thread_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer accept_timer_{context_};
  std::thread thread_;
};

// One client. Lives as long as an operation on its socket is pending (shared by Asio's handlers).
// Used on the server's thread only.
class CarbonlinkServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, tcp::socket socket)
      : server_(server), socket_(std::move(socket)), timer_(server.context_) {
    server_.connections_.Set(static_cast<double>(++server_.connection_count_));
  }
  ~Connection() { server_.connections_.Set(static_cast<double>(--server_.connection_count_)); }

  void Read() {
    timer_.expires_after(ToChrono(server_.options_.idle_timeout));
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self != nullptr) self->Refuse("idle");
    });
    socket_.async_read_some(asio::buffer(piece_), [self = shared_from_this()](
                                                      boost::system::error_code error,
                                                      size_t size) { self->OnRead(error, size); });
  }

 private:
  void OnRead(boost::system::error_code error, size_t size) {
    if (error) return Close();
    const absl::Status status = cutter_.Feed(
        {piece_.data(), size}, [this](absl::string_view frame) { frames_.emplace_back(frame); });
    if (!status.ok()) return Refuse("too_large");
    HandleNext();
  }

  // Clients wait for each answer: what they send ahead is bounded by the one read that brought it.
  void HandleNext() {
    if (frames_.empty()) return Read();
    const std::string frame = std::move(frames_.front());
    frames_.erase(frames_.begin());
    const auto request = protocols::ParseCarbonlinkRequest(frame);
    if (!request.ok()) {
      const bool is_bound = absl::IsResourceExhausted(request.status());
      return Refuse(is_bound ? "too_large" : "malformed");
    }
    server_.CountRequest(*request);
    const bool is_metadata = request->type == CarbonlinkRequest::Type::kGetMetadata ||
                             request->type == CarbonlinkRequest::Type::kSetMetadata;
    if (!is_metadata) return Write(server_.Answer(*request));
    asio::post(server_.metadata_thread_, [self = shared_from_this(), request = *request] {
      asio::post(self->server_.context_,
                 [self, answer = self->server_.AnswerMetadata(request)] { self->Write(answer); });
    });
  }

  void Write(std::string answer) {
    answer_ = std::move(answer);
    asio::async_write(socket_, asio::buffer(answer_),
                      [self = shared_from_this()](boost::system::error_code error, size_t) {
                        if (error) return self->Close();
                        self->answer_ = {};
                        self->HandleNext();
                      });
  }

  void Refuse(const std::string& reason) {
    server_.CountRefused(reason);
    Close();
  }

  void Close() {
    boost::system::error_code ignored;  // the peer may be gone already
    timer_.cancel(ignored);
    socket_.close(ignored);
  }

  Impl& server_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  protocols::FrameCutter cutter_{kRequestBytesMax};
  std::array<char, 16 << 10> piece_;
  std::vector<std::string> frames_;  // of one read
  std::string answer_;
};

absl::Status CarbonlinkServer::Impl::Listen() {
  PLUMBAGO_ASSIGN_OR_RETURN(const http::Address address, http::ParseAddress(options_.listen));
  const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", options_.listen, " (carbonlink): ", error.message()));
}

void CarbonlinkServer::Impl::Start() {
  Accept();
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), "carbonlink");
  base::LogInfo(absl::StrCat("carbonlink for tenant ", options_.tenant, " on ", options_.listen));
}

// The context goes last of all: it frees the connections that still wait.
void CarbonlinkServer::Impl::Stop() {
  metadata_thread_.stop();
  metadata_thread_.join();
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void CarbonlinkServer::Impl::Accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error) {  // most likely there are no descriptors left: at once again would only spin
      accept_timer_.expires_after(std::chrono::milliseconds(200));
      accept_timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) Accept();
      });
      return;
    }
    if (connection_count_ >= options_.connections_max) {
      CountRefused("too_many_connections");  // and closed
    } else {
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Connection>(*this, std::move(socket))->Read();
    }
    Accept();
  });
}

std::string CarbonlinkServer::Impl::Answer(const CarbonlinkRequest& request) {
  switch (request.type) {
    case CarbonlinkRequest::Type::kQuery:
      return protocols::CarbonlinkDatapoints(
          HotPoints(cache_, options_.tenant, request.metrics.front()));
    case CarbonlinkRequest::Type::kBulkQuery:
      return AnswerBulk(request);
    default:
      return protocols::CarbonlinkError(
          absl::StrCat("Invalid request type \"", base::Excerpt(request.type_text), "\""));
  }
}

std::string CarbonlinkServer::Impl::AnswerBulk(const CarbonlinkRequest& request) {
  protocols::CarbonlinkBulkAnswer answer;
  for (const std::string& metric : request.metrics) {
    answer.Add(metric, HotPoints(cache_, options_.tenant, metric));
    if (answer.byte_count() <= kAnswerBytesMax) continue;
    CountRefused("answer_too_large");
    return protocols::CarbonlinkError(
        absl::StrCat("the answer is larger than ", kAnswerBytesMax, " bytes; ask for less"));
  }
  return answer.Finish();
}

std::string CarbonlinkServer::Impl::AnswerMetadata(const CarbonlinkRequest& request) {
  if (request.key != "aggregationMethod") {
    return protocols::CarbonlinkError(
        absl::StrCat("Unsupported metadata key \"", base::Excerpt(request.key), "\""));
  }
  const std::string& metric = request.metrics.front();
  const bool is_change = request.type == CarbonlinkRequest::Type::kSetMetadata;
  const auto method = is_change ? methods_->Set(metric, request.value) : methods_->Find(metric);
  if (!method.ok()) return protocols::CarbonlinkError(std::string(method.status().message()));
  return is_change ? protocols::CarbonlinkChange(*method, request.value)
                   : protocols::CarbonlinkValue(*method);
}

void CarbonlinkServer::Impl::CountRequest(const CarbonlinkRequest& request) {
  using Type = CarbonlinkRequest::Type;
  const std::string type = request.type == Type::kUnknown ? "unknown" : request.type_text;
  metrics_
      .AddCounter("plumbago_cache_carbonlink_requests_total", "Requests of graphite-web, by type",
                  {{"type", type}})
      .Increment();
}

void CarbonlinkServer::Impl::CountRefused(const std::string& reason) {
  metrics_
      .AddCounter("plumbago_cache_carbonlink_refused_total",
                  "Requests and connections that were refused, by reason", {{"reason", reason}})
      .Increment();
}

absl::Status CheckCarbonlink(const CarbonlinkOptions& options) {
  if (options.listen.empty()) return absl::OkStatus();
  const auto address = http::ParseAddress(options.listen);
  if (!address.ok()) return base::Annotate(address.status(), "--carbonlink");
  if (http::IsLoopback(*address) || options.allow_unauthenticated) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--carbonlink ", options.listen,
                   " is open to other machines, and carbonlink knows no keys; listen on 127.0.0.1, "
                   "or say --allow-unauthenticated where the network keeps others out"));
}

absl::StatusOr<std::unique_ptr<CarbonlinkServer>> CarbonlinkServer::Start(
    const CarbonlinkOptions& options, const PointCache& cache, base::Metrics& metrics,
    std::unique_ptr<AggregationMethods> methods) {
  PLUMBAGO_RETURN_IF_ERROR(CheckCarbonlink(options));
  auto impl = std::make_unique<Impl>(options, cache, metrics, std::move(methods));
  PLUMBAGO_RETURN_IF_ERROR(impl->Listen());
  impl->Start();
  return std::unique_ptr<CarbonlinkServer>(new CarbonlinkServer(std::move(impl)));
}

CarbonlinkServer::CarbonlinkServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CarbonlinkServer::~CarbonlinkServer() = default;

}  // namespace plumbago::cache

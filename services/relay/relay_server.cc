#include "relay_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/log.h"
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

absl::StatusOr<http::Address> ResolveListener(const std::string& text, const char* flag,
                                              bool allow_unauthenticated) {
  auto address = http::ParseAddress(text);
  if (!address.ok()) return base::Annotate(address.status(), flag);
  if (!http::IsLoopback(*address) && !allow_unauthenticated) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", text,
                     " can be reached from other machines, and plaintext senders are not "
                     "authenticated; use a loopback address, or --allow-unauthenticated on a "
                     "network that you trust"));
  }
  return address;
}

}  // namespace

RelayServer::RelayServer(const RelayOptions& options, const std::string& sender,
                         base::FileSystem& file_system, base::Clock& clock, base::Metrics& metrics)
    : options_(options),
      sender_(sender),
      file_system_(file_system),
      clock_(clock),
      registry_(metrics),
      metrics_(metrics, options.reactor.router.tenant) {}

RelayServer::~RelayServer() {
  if (spooler_ != nullptr) spooler_->Stop();  // what it holds refers to names of the reactors
}

absl::Status RelayServer::Start() {
  PLUMBAGO_RETURN_IF_ERROR(ResolveAddresses());
  ShareMemory();
  if (options_.spool.bytes_max > 0) {
    spooler_ =
        std::make_unique<Spooler>(options_.spool, file_system_, clock_, registry_, metrics_,
                                  [this](const topology::ShardInfo& shard) {
                                    return std::make_unique<IngestStream>(
                                        shard, absl::StrCat(sender_, "/spool"), metrics_, [] {});
                                  });
    const absl::Status taken_up = spooler_->TakeUp();
    if (!taken_up.ok()) return base::Annotate(taken_up, "--spool-dir");
    spooler_->Start();
  }
  return StartReactors();
}

// A quarter of the memory is for what the spool has not written yet, the rest for what the reactors
// have sent.
void RelayServer::ShareMemory() {
  const size_t core_count = std::max(1u, std::thread::hardware_concurrency());
  if (options_.reactor_count == 0) options_.reactor_count = static_cast<int>(core_count);
  const size_t bytes_max = options_.in_flight_bytes_max;
  options_.spool.queue_bytes_max = options_.spool.bytes_max > 0 ? bytes_max / 4 : 0;
  options_.reactor.router.in_flight_bytes_max =
      (bytes_max - options_.spool.queue_bytes_max) / static_cast<size_t>(options_.reactor_count);
}

absl::Status RelayServer::ResolveAddresses() {
  PLUMBAGO_ASSIGN_OR_RETURN(
      options_.reactor.tcp,
      ResolveListener(options_.plaintext_tcp, "--plaintext-tcp", options_.allow_unauthenticated));
  PLUMBAGO_ASSIGN_OR_RETURN(
      options_.reactor.udp,
      ResolveListener(options_.plaintext_udp, "--plaintext-udp", options_.allow_unauthenticated));
  PLUMBAGO_RETURN_IF_ERROR(
      CheckThatPortIsFree<asio::ip::tcp>(options_.reactor.tcp, "--plaintext-tcp"));
  return CheckThatPortIsFree<asio::ip::udp>(options_.reactor.udp, "--plaintext-udp");
}

absl::Status RelayServer::StartReactors() {
  const int count = options_.reactor_count;
  std::vector<std::unique_ptr<Reactor>> reactors;
  PointRouter::SpoolFinder find_spool;
  if (spooler_ != nullptr) {
    find_spool = [this](const auto& shard) { return &spooler_->SpoolOf(shard.id); };
  }
  for (int i = 0; i < count; ++i) {
    auto reactor =
        std::make_unique<Reactor>(i, options_.reactor, sender_, clock_, metrics_, find_spool);
    PLUMBAGO_RETURN_IF_ERROR(reactor->Start());
    // Port 0: the first reactor chose one, the others share it.
    options_.reactor.tcp.port = reactor->tcp_port();
    options_.reactor.udp.port = reactor->udp_port();
    reactors.push_back(std::move(reactor));
  }
  reactors_ = std::move(reactors);
  gauges_ = registry_.BeforeScrape([this] { PublishGauges(); });
  base::LogInfo(absl::StrCat("takes plaintext points on TCP ", options_.reactor.tcp.host, ":",
                             options_.reactor.tcp.port, " and UDP ", options_.reactor.udp.host, ":",
                             options_.reactor.udp.port, " with ", count, " reactors"));
  return absl::OkStatus();
}

void RelayServer::PublishGauges() {
  size_t unacknowledged_bytes = spooler_ == nullptr ? 0 : spooler_->queued_bytes();
  size_t known_series = 0;
  for (const auto& reactor : reactors_) {
    unacknowledged_bytes += reactor->unacknowledged_bytes();
    known_series += reactor->known_series();
  }
  metrics_.unacknowledged_bytes.Set(static_cast<double>(unacknowledged_bytes));
  metrics_.known_series.Set(static_cast<double>(known_series));
}

void RelayServer::SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot) {
  if (spooler_ != nullptr) spooler_->SetSlotMap(snapshot->slot_map());
  for (const auto& reactor : reactors_) reactor->SetSnapshot(snapshot);
}

absl::Status RelayServer::Drain(absl::Duration deadline) {
  std::vector<std::future<size_t>> drains;  // all at once: each takes points until its own begins
  for (const auto& reactor : reactors_) drains.push_back(reactor->Drain(deadline));
  size_t left_bytes = 0;
  for (std::future<size_t>& drain : drains) left_bytes += drain.get();
  if (spooler_ != nullptr) left_bytes += spooler_->Stop();
  if (left_bytes == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "stopped with ", left_bytes,
      " bytes of points that no cache accepted and no spool could take; they are lost. "
      "Look at the disk of --spool-dir and raise --spool-bytes-max, or keep the "
      "caches up until the relays have stopped"));
}

}  // namespace plumbago::relay

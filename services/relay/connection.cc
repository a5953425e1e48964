#include "connection.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "protocols/proxy_header.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;

// A fast sender may not keep the others of its reactor waiting for longer than this many reads.
constexpr int kReadsPerTurn = 4;
// So much may become a hundred times as much at once.
constexpr size_t kCompressedReadBytes = 16 << 10;
// For PROXY header and TLS handshake.
constexpr absl::Duration kOpeningTimeout = absl::Seconds(10);
// Points with an unknown key that a connection may send.
constexpr uint64_t kUnknownKeysMax = 100;

std::string ReasonOf(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? "too_large" : "malformed";
}

}  // namespace

Connection::Connection(ReactorHost& host, StreamSocket socket, const ListenerSpec& spec,
                       const std::optional<asio::ip::address>& address,
                       ConnectionLimits::Place place)
    : host_(host),
      socket_(std::move(socket)),
      spec_(spec),
      address_(address),
      total_place_(std::move(place)),
      is_proxy_header_due_(spec.has_proxy_header),
      last_data_(host.now()) {
  if (spec.is_tls) {
    tls_ = std::make_unique<TlsSession>(*host.shared().tls->current(), socket_.native_handle());
  }
}

bool Connection::TakeSourcePlace() {
  if (!address_.has_value() || is_proxy_header_due_) return true;
  source_place_.reset();
  std::optional<ConnectionLimits::Place> place =
      host_.shared().limits.Take(ConnectionLimits::Kind::kSource, address_->to_string());
  if (!place.has_value()) return false;
  source_place_.emplace(*std::move(place));
  return true;
}

void Connection::WaitForData() {
  is_waiting_ = true;
  auto on_ready = [self = shared_from_this()](boost::system::error_code error) {
    self->is_waiting_ = false;
    if (error) return self->Close();
    if (!self->host_.is_draining()) self->ReadTurn();
  };
  if (tls_ != nullptr && tls_->has_pending()) {
    asio::post(host_.context(), [on_ready = std::move(on_ready)]() mutable { on_ready({}); });
  } else {
    socket_.async_wait(StreamSocket::wait_read, std::move(on_ready));
  }
}

void Connection::Resume() {
  last_data_ = host_.now();  // it was not the sender who paused
  if (!is_waiting_ && socket_.is_open()) WaitForData();
}

// Takes what the kernel holds, without waiting.
void Connection::ReadTurn() {
  host_.BeginReading();
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (!socket_.is_open() || host_.PauseIfBacklogged()) return;  // Resume() comes later
    const ReadResult result = ReadOnce();
    if (result == ReadResult::kClosed) return Close();
    if (result == ReadResult::kEmpty) break;
  }
  if (socket_.is_open()) WaitForData();
}

bool Connection::ReadSome() {
  const ReadResult result = ReadOnce();
  if (result == ReadResult::kClosed) Close();
  return result == ReadResult::kData;
}

void Connection::Close() {
  if (!socket_.is_open()) return;
  tls_.reset();
  boost::system::error_code ignored;  // the peer may be gone
  socket_.close(ignored);
  host_.Forget(shared_from_this());
}

void Connection::CloseIfIdle(absl::Duration idle_timeout) {
  const absl::Duration silence = host_.now() - last_data_;
  if (decoder_ == nullptr && (is_proxy_header_due_ || tls_ != nullptr) &&
      silence > kOpeningTimeout) {
    Refuse("opening_timeout");
    return Close();
  }
  if (idle_timeout > absl::ZeroDuration() && silence > idle_timeout) {
    Refuse("idle");
    Close();
  }
}

Connection::ReadResult Connection::ReadOnce() {
  if (is_proxy_header_due_) return ReadProxyHeader();
  char* const buffer = host_.read_buffer();
  const size_t limit = spec_.compression.has_value() ? kCompressedReadBytes : kReadBufferBytes;
  const ssize_t size = tls_ != nullptr ? tls_->Read(buffer, limit)
                                       : recv(socket_.native_handle(), buffer, limit, MSG_DONTWAIT);
  if (size > 0) {
    host_.shared().metrics.bytes_received.Increment(static_cast<double>(size));
    last_data_ = host_.now();
    return Feed({buffer, static_cast<size_t>(size)}) ? ReadResult::kData : ReadResult::kClosed;
  }
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return ReadResult::kEmpty;
  }
  if (size < 0 && errno == EPROTO) return Refuse("tls");
  return ReadResult::kClosed;
}

// Takes exactly the header off the socket: what follows may be TLS.
Connection::ReadResult Connection::ReadProxyHeader() {
  char piece[512];
  const int descriptor = socket_.native_handle();
  const ssize_t seen = recv(descriptor, piece, sizeof(piece), MSG_DONTWAIT | MSG_PEEK);
  if (seen == 0) return ReadResult::kClosed;
  if (seen < 0) return errno == EAGAIN || errno == EINTR ? ReadResult::kEmpty : ReadResult::kClosed;
  const size_t before = proxy_header_.size();
  proxy_header_.append(piece, static_cast<size_t>(seen));
  protocols::ProxyHeader header;
  size_t header_size = proxy_header_.size();
  const auto result = protocols::ParseProxyHeader(proxy_header_, &header, &header_size);
  if (result == protocols::ProxyHeaderResult::kInvalid) return Refuse("proxy_header");
  if (result == protocols::ProxyHeaderResult::kIncomplete) header_size = proxy_header_.size();
  recv(descriptor, piece, header_size - before, MSG_DONTWAIT);
  if (result == protocols::ProxyHeaderResult::kIncomplete) return ReadResult::kData;
  is_proxy_header_due_ = false;
  proxy_header_ = std::string();
  if (header.has_source) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(header.source_ip, error);
    if (error) return Refuse("proxy_header");
    address_ = address;
  }
  if (TakeSourcePlace()) return ReadResult::kData;
  host_.shared().metrics.connections_refused("source").Increment();
  return ReadResult::kClosed;
}

bool Connection::Begin() {
  source_ = ResolveSource();
  if (source_.is_tenant_certain && !NameIsTenant(tls_->ClientName())) {
    Refuse("tenant_refused");
    return false;
  }
  decoder_ = MakeStreamDecoder(spec_.protocol, spec_.compression,
                               {host_.router(), host_.shared().clock, host_.statsd(),
                                [this](absl::string_view text) { Reply(text); }});
  const std::string& tenant = host_.router().NameOf(source_.tenant);
  std::optional<ConnectionLimits::Place> place = host_.shared().limits.Take(
      ConnectionLimits::Kind::kTenant, tenant, host_.router().ConnectionsMaxOf(source_.tenant));
  if (!place.has_value()) {
    host_.shared().metrics.connections_refused("tenant").Increment();
    return false;
  }
  tenant_place_.emplace(*std::move(place));
  return true;
}

bool Connection::NameIsTenant(const std::string& name) {
  return host_.router().IsAdmitted(host_.router().TenantOf(name));
}

Source Connection::ResolveSource() {
  Source source{.protocol = spec_.protocol, .sender = SenderOf(address_)};
  const std::string certified = tls_ != nullptr ? tls_->ClientName() : std::string();
  if (!certified.empty()) {
    source.tenant = host_.router().TenantOf(certified);
    source.is_tenant_certain = true;
    return source;
  }
  std::string tenant = spec_.tenant;
  if (tenant.empty() && address_.has_value()) tenant = host_.shared().networks.TenantOf(*address_);
  if (!tenant.empty()) source.tenant = host_.router().TenantOf(tenant);
  return source;
}

bool Connection::Feed(absl::string_view bytes) {
  if (decoder_ == nullptr && !Begin()) return false;
  PointRouter& router = host_.router();
  router.SetSource(source_);
  const uint64_t unknown_before = router.unknown_key_count();
  const absl::Status status = decoder_->Feed(bytes);
  unknown_keys_ += router.unknown_key_count() - unknown_before;
  if (absl::IsCancelled(status)) return false;
  if (!status.ok()) return Refuse(ReasonOf(status)) != ReadResult::kClosed;
  if (unknown_keys_ < kUnknownKeysMax) return true;
  Refuse("unknown_keys");
  return false;
}

Connection::ReadResult Connection::Refuse(const std::string& reason) {
  host_.shared().metrics.connections_closed(spec_.protocol, reason).Increment();
  return ReadResult::kClosed;
}

// A client that does not read its answers loses them.
void Connection::Reply(absl::string_view text) {
  if (tls_ != nullptr) return tls_->TryWrite(text);
  const ssize_t ignored =
      send(socket_.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  static_cast<void>(ignored);
}

}  // namespace plumbago::relay

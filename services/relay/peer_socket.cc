#include "peer_socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

// A peer whose machine is gone answers nothing: then the kernel gives up after this time.
constexpr unsigned kUserTimeoutMillis = 60'000;
// Finds an idle connection of such a peer.
constexpr int kKeepAliveIdleSeconds = 30;

template <typename Value>
void SetOption(int descriptor, int level, int name, Value value) {
  setsockopt(descriptor, level, name, &value, sizeof(value));  // what fails is the kernel's default
}

void SetTcpOptions(int descriptor) {
  SetOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMillis);
  SetOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

absl::Status ErrnoUnavailable(absl::string_view what) {
  return absl::UnavailableError(std::string(base::ErrnoStatus(errno, what).message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PeerSocket>> PeerSocket::Connect(const routing::Endpoint& endpoint,
                                                                const sockaddr* address,
                                                                socklen_t address_bytes,
                                                                TlsContext* tls) {
  const bool is_stream = endpoint.network == routing::Network::kTcp;
  const int type = (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int descriptor = socket(address->sa_family, type, 0);
  if (descriptor < 0) return ErrnoUnavailable("socket");
  std::unique_ptr<PeerSocket> peer(new PeerSocket(descriptor, is_stream));
  if (is_stream) SetTcpOptions(descriptor);
  if (connect(descriptor, address, address_bytes) != 0 && errno != EINPROGRESS) {
    return ErrnoUnavailable("connect");
  }
  if (endpoint.encryption == routing::Encryption::kTls) {
    PLUMBAGO_ASSIGN_OR_RETURN(auto session, TlsSession::ToServer(*tls, descriptor, endpoint.host));
    peer->tls_.emplace(std::move(session));
  }
  return peer;
}

PeerSocket::~PeerSocket() {
  if (tls_.has_value()) tls_->TryShutdown();
  // A socket that is closed with something unread resets the connection, and the peer may lose what
  // it has acknowledged.
  std::array<char, 4096> rest;
  for (int i = 0; i < 16 && recv(descriptor_, rest.data(), rest.size(), MSG_DONTWAIT) > 0; ++i) {
  }
  tls_.reset();
  close(descriptor_);
}

absl::StatusOr<PeerSocket::Progress> PeerSocket::ContinueConnect() {
  if (!is_connected_) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error != 0) return ErrnoUnavailable("connect");
    is_connected_ = true;
  }
  if (!tls_.has_value()) return Progress::kDone;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto handshake, tls_->ContinueHandshake());
  switch (handshake) {
    case TlsSession::Handshake::kWantsRead:
      return Progress::kWantsRead;
    case TlsSession::Handshake::kWantsWrite:
      return Progress::kWantsWrite;
    case TlsSession::Handshake::kDone:
      break;
  }
  return Progress::kDone;
}

absl::StatusOr<size_t> PeerSocket::Write(absl::string_view bytes) {
  const ssize_t count = tls_.has_value()
                            ? tls_->Write(bytes)
                            : send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) {
    sent_bytes_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
  }
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return 0;
  return ErrnoUnavailable("write");
}

absl::StatusOr<size_t> PeerSocket::Read(char* buffer, size_t size) {
  const ssize_t count =
      tls_.has_value() ? tls_->Read(buffer, size) : recv(descriptor_, buffer, size, MSG_DONTWAIT);
  if (count > 0) return static_cast<size_t>(count);
  if (count == 0) {
    if (!is_stream_) return 0;  // an empty datagram
    return absl::OutOfRangeError("the peer closed the connection");
  }
  if (errno == EAGAIN || errno == EINTR) return 0;
  return ErrnoUnavailable("read");
}

uint64_t PeerSocket::written_bytes() const {
  return tls_.has_value() ? tls_->written_bytes() : sent_bytes_;
}

uint64_t PeerSocket::accepted_bytes() {
  if (!is_stream_) return written_bytes();
  int unacknowledged_bytes = 0;
  if (ioctl(descriptor_, SIOCOUTQ, &unacknowledged_bytes) != 0) return accepted_bytes_;
  // A reset empties the queue too, so the number counts only where the connection still stands
  // afterwards. The peer may have ended its own half.
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return accepted_bytes_;
  if (info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_CLOSE_WAIT) {
    return accepted_bytes_;
  }
  accepted_bytes_ = written_bytes() - std::min<uint64_t>(written_bytes(), unacknowledged_bytes);
  return accepted_bytes_;
}

}  // namespace plumbago::relay

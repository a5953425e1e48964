// A non-blocking connection to a foreign peer: TCP, with or without TLS, or UDP. Tells how much of
// what was written the peer's kernel has acknowledged, which the protocols of carbon do not.
//
// For one thread, which waits for descriptor() to become readable or writable.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/destination.h"
#include "tls.h"

namespace plumbago::relay {

class PeerSocket {
 public:
  // Begins to connect to one address of the endpoint. `tls` may be null unless the endpoint says
  // TLS. Unavailable: no such way, or out of descriptors.
  static absl::StatusOr<std::unique_ptr<PeerSocket>> Connect(const routing::Endpoint& endpoint,
                                                             const sockaddr* address,
                                                             socklen_t address_bytes,
                                                             TlsContext* tls);
  ~PeerSocket();  // the kernel goes on sending what it has taken
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  int descriptor() const { return descriptor_; }

  enum class Progress { kDone, kWantsRead, kWantsWrite };
  // Once the socket is writable; then as the result says. Unavailable: refused, unreachable, or not
  // trusted.
  absl::StatusOr<Progress> ContinueConnect();

  // The number of bytes taken; 0 where the kernel has no room for now. A datagram goes as a whole.
  // Unavailable: the connection is broken.
  absl::StatusOr<size_t> Write(absl::string_view bytes);

  // What the peer has sent; 0 where there is nothing for now. OutOfRange: it has ended the
  // connection. Unavailable: broken.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);

  // Bytes that the kernel has taken so far, TLS records included.
  uint64_t written_bytes() const;
  // Of these, the ones that the peer's kernel has acknowledged; of UDP all. As before where that
  // cannot be told.
  uint64_t accepted_bytes();

 private:
  PeerSocket(int descriptor, bool is_stream) : descriptor_(descriptor), is_stream_(is_stream) {}

  const int descriptor_;
  const bool is_stream_;
  bool is_connected_ = false;  // to the host; a handshake may be left
  std::optional<TlsSession> tls_;
  uint64_t sent_bytes_ = 0;  // without TLS
  uint64_t accepted_bytes_ = 0;
};

}  // namespace plumbago::relay

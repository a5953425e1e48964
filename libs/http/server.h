// An HTTP/1.1 server over Boost.Beast: one thread for the sockets, a bounded pool for the handlers.
//
// A handler may block; it runs on a pool thread. When `requests_max` requests are running or
// waiting, further ones are answered 503 with Retry-After at once. Bodies and headers above their
// limits are answered 413 and 431 (all three with {"message": ...}), idle connections are closed.
// Listeners differ in what they expect in front of HTTP: a PROXY header, TLS, both. Start and Stop
// belong to one owner.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/connection_gate.h"
#include "http/message.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace plumbago::http {

using Handler = std::function<Response(const Request&)>;

struct ListenerOptions {
  std::string address = "127.0.0.1:0";  // host:port, port 0 for any free one
  // Connections begin with the header of the PROXY protocol, which says where they came from.
  bool has_proxy_header = false;
  // Asked for each connection, so that a new certificate holds for new ones. Unset: no TLS.
  std::function<std::shared_ptr<ssl_ctx_st>()> tls = nullptr;
};

struct ServerOptions {
  std::vector<ListenerOptions> listeners = {ListenerOptions{}};
  size_t handler_threads = 2;
  size_t requests_max = 128;  // running and waiting together
  size_t connections_max = 10'000;
  size_t header_bytes_max = 64 << 10;
  size_t body_bytes_max = 64 << 20;
  std::shared_ptr<ConnectionGate> gate = nullptr;      // null: everybody; shared with connections
  absl::Duration opening_timeout = absl::Seconds(10);  // of a PROXY header and of a TLS handshake
  absl::Duration idle_timeout = absl::Seconds(75);
  absl::Duration write_timeout = absl::Seconds(60);  // five times that for a body in parts
};

class Server {
 public:
  // Unavailable: an address cannot be bound (the message names it and says why).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       Handler handler);
  ~Server();  // Stop(0) unless stopped
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port(size_t listener = 0) const;

  // Stops accepting, lets running requests finish for at most `drain`, closes everything, joins.
  void Stop(absl::Duration drain);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plumbago::http

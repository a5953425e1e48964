// One reactor's share of a listener for connections: over TCP or a Unix socket.
//
// Used on the reactor's thread, except Listen and port, which come before it runs.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "reactor_host.h"

namespace plumbago::relay {

class StreamListener {
 public:
  virtual ~StreamListener() = default;

  // `host` and `spec` outlive the listener. Unavailable: the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<StreamListener>> Listen(ReactorHost& host,
                                                                const ListenerSpec& spec);

  virtual void Accept() = 0;
  // Takes the connections that the kernel has made already, then refuses further ones.
  virtual void Stop() = 0;
  virtual uint16_t port() const = 0;
};

}  // namespace plumbago::relay

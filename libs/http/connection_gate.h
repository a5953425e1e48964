// Who may connect to an HTTP server, as the program around it knows.
#pragma once

#include <memory>
#include <string>

namespace plumbago::http {

// Called on the server's thread; must not block.
class ConnectionGate {
 public:
  // Held as long as the connection lives. Shared with nobody else: its type is the gate's.
  using Place = std::shared_ptr<void>;

  virtual ~ConnectionGate() = default;

  // A new connection, of whom nothing is known yet. Null: it is closed at once.
  virtual Place Admit() = 0;
  // The same for its source, when that is known. `address`: of the client, without the port.
  virtual Place AdmitSource(const std::string& address) = 0;
  // A connection is closed before its first request. `reason`: "proxy_header", "tls" or
  // "opening_timeout".
  virtual void OnFailedOpening(const std::string& reason) = 0;
};

}  // namespace plumbago::http

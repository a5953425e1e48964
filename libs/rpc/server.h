// A gRPC server with health (grpc.health.v1) and reflection, the same for every service.
//
// Start and Shutdown belong to one owner; SetServing is thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace plumbago::rpc {

struct ServerOptions {
  std::string listen;                   // host:port, port 0 for any free one
  size_t message_bytes_max = 16 << 20;  // of one received message
};

class Server {
 public:
  // `services` must outlive the server. The health of "" is NOT_SERVING until SetServing(kYes).
  // Unavailable: the address cannot be bound (the message names it and says why).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services);

  int port() const { return port_; }

  enum class Serving { kNo, kYes };
  void SetServing(Serving serving);

  // Refuses new calls, gives running ones until `drain` from now, then cancels them.
  void Shutdown(absl::Duration drain);

 private:
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// A channel to `address` with keepalive, message limits and quick reconnects (100 ms .. 2 s).
// Connects lazily. Each has connections of its own.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

// Translates between the two kinds of status; codes are the same numbers.
grpc::Status ToGrpc(const absl::Status& status);
// `peer` names who answered, for the message.
absl::Status FromGrpc(const grpc::Status& status, absl::string_view peer);

}  // namespace plumbago::rpc

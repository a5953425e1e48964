// What one listener takes, as a flag says it:
//
//   ADDRESS[,OPTION...] [ADDRESS[,OPTION...] ...]
//
// ADDRESS is host:port, for Unix sockets a path. Options: gzip, snappy, zstd (compressed streams),
// proxy (PROXY protocol header first), tls, tenant=ID (of whose senders nothing else is known).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "http/address.h"
#include "protocols/decompressor.h"
#include "relay/source.h"

namespace plumbago::relay {

enum class Transport : uint8_t { kTcp, kUdp, kUnix };

struct ListenerSpec {
  std::string flag;  // for messages
  Transport transport = Transport::kTcp;
  Protocol protocol = Protocol::kPlaintext;
  http::Address address;  // not for Unix sockets
  std::string path;       // of a Unix socket
  std::optional<protocols::Compression> compression;
  bool has_proxy_header = false;
  bool is_tls = false;
  std::string tenant;  // empty: by network, or the default

  // StatsD has one aggregator and a Unix socket cannot share its path: reactor 0 has them.
  bool is_on_every_reactor() const {
    return transport != Transport::kUnix && protocol != Protocol::kStatsd;
  }
};

// "127.0.0.1:2003" or the path.
std::string WhereOf(const ListenerSpec& spec);

// InvalidArgument names flag, text and what is allowed. Empty text: no listener.
absl::StatusOr<std::vector<ListenerSpec>> ParseListeners(absl::string_view flag,
                                                         absl::string_view text,
                                                         Transport transport, Protocol protocol);

}  // namespace plumbago::relay

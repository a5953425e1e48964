// The header that a load balancer puts in front of a connection to say where it came from: PROXY
// protocol, version 1 (text) and 2 (binary).
//
// Source: https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt. Whether to expect a header
// is for the listener to know: a sender must not be able to choose its address. Thread-safe, pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::protocols {

// Version 1 has at most 107 bytes; version 2 with its extensions (TLS, cloud endpoints) a few
// hundred.
inline constexpr size_t kProxyHeaderBytesMax = 4096;

struct ProxyHeader {
  // False for health checks of the balancer itself (LOCAL, UNKNOWN, Unix sockets): the connection's
  // own address counts.
  bool has_source = false;
  std::string source_ip;  // in the usual notation, without brackets
  uint16_t source_port = 0;
};

enum class ProxyHeaderResult {
  kComplete,    // `header` and `size` are set
  kIncomplete,  // could become a header: read more, within a time limit
  kInvalid      // is none: close the connection
};

// `data` is what the connection has sent so far. `size` is how many of its bytes the header takes.
ProxyHeaderResult ParseProxyHeader(absl::string_view data, ProxyHeader* header, size_t* size);

}  // namespace plumbago::protocols

// host:port texts, as flags give them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::http {

struct Address {
  std::string host;  // an IP address, without brackets
  uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1), ":8080" (all interfaces).
// InvalidArgument names the text and what is expected.
absl::StatusOr<Address> ParseAddress(absl::string_view text);

// As ParseAddress reads it.
std::string TextOf(const Address& address);

// Whether the host is a loopback address: nobody beyond this machine can connect.
bool IsLoopback(const Address& address);

}  // namespace plumbago::http

// Where points came from: the protocol that brought them, and the tenant that they belong to unless
// their names begin with a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace plumbago::relay {

// The words are label values: never change one.
enum class Protocol : uint8_t {
  kPlaintext,
  kPickle,
  kProtobuf,
  kOpentsdb,
  kStatsd,
  kHttp,
  kRemoteWrite,
  kInternal,  // made by the relay itself (internal_source.h)
  kProtocolCount
};
inline constexpr size_t kProtocolCount = static_cast<size_t>(Protocol::kProtocolCount);

const char* ProtocolWord(Protocol protocol);

// The address that points came from: IPv6, or IPv4 as it is mapped into that.
struct Sender {
  std::array<uint8_t, 16> address{};
  bool is_known = false;  // false: a Unix socket, or the relay itself
};

// Index into a router's tenants (tenant_table.h).
using TenantIndex = uint32_t;

struct Source {
  TenantIndex tenant = 0;
  Protocol protocol = Protocol::kPlaintext;
  // By a client certificate: a key in a name is still cut off, and changes nothing.
  bool is_tenant_certain = false;
  Sender sender = {};
};

}  // namespace plumbago::relay

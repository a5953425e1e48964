// Which tenant the senders of a network belong to: `10.1.0.0/16=acme` entries, the longest prefix
// wins. Immutable, thread-safe.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::relay {

class TenantNetworks {
 public:
  static constexpr size_t kNetworksMax = 256;

  // Entries apart by blanks. InvalidArgument names the entry that is not NETWORK/BITS=TENANT.
  static absl::StatusOr<TenantNetworks> Parse(absl::string_view text);

  bool empty() const { return networks_.empty(); }
  // Empty where no network has the address.
  const std::string& TenantOf(const boost::asio::ip::address& address) const;

 private:
  struct Network {
    boost::asio::ip::address_v6 prefix;  // IPv4 as mapped addresses
    int bits = 0;                        // of the 128
    std::string tenant;
  };

  std::vector<Network> networks_;  // longest prefix first
};

}  // namespace plumbago::relay

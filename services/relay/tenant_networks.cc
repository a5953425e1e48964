#include "tenant_networks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

namespace ip = boost::asio::ip;

ip::address_v6 Widen(const ip::address& address) {
  return address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

bool ShareBits(const ip::address_v6& a, const ip::address_v6& b, int bits) {
  const auto left = a.to_bytes();
  const auto right = b.to_bytes();
  for (int i = 0; i < bits; ++i) {
    const int mask = 0x80 >> (i % 8);
    if (((left[i / 8] ^ right[i / 8]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<TenantNetworks> TenantNetworks::Parse(absl::string_view text) {
  TenantNetworks result;
  for (const absl::string_view entry : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const size_t slash = entry.find('/');
    const size_t equals = entry.find('=');
    Network network;
    boost::system::error_code error;
    const ip::address address = ip::make_address(std::string(entry.substr(0, slash)), error);
    const int bits_max = address.is_v4() ? 32 : 128;
    if (error || slash == absl::string_view::npos || equals == absl::string_view::npos ||
        equals < slash || equals + 1 == entry.size() ||
        !absl::SimpleAtoi(entry.substr(slash + 1, equals - slash - 1), &network.bits) ||
        network.bits < 0 || network.bits > bits_max) {
      return absl::InvalidArgumentError(absl::StrCat("--tenant-networks: \"", base::Excerpt(entry),
                                                     "\" is not like 10.1.0.0/16=acme"));
    }
    network.bits += 128 - bits_max;
    network.prefix = Widen(address);
    network.tenant = std::string(entry.substr(equals + 1));
    result.networks_.push_back(std::move(network));
  }
  if (result.networks_.size() > kNetworksMax) {
    return absl::InvalidArgumentError(absl::StrCat("--tenant-networks: ", result.networks_.size(),
                                                   " entries; at most ", kNetworksMax));
  }
  std::stable_sort(result.networks_.begin(), result.networks_.end(),
                   [](const Network& a, const Network& b) { return a.bits > b.bits; });
  return result;
}

const std::string& TenantNetworks::TenantOf(const ip::address& address) const {
  static const std::string* const kNone = new std::string();
  const ip::address_v6 wide = Widen(address);
  for (const Network& network : networks_) {
    if (ShareBits(network.prefix, wide, network.bits)) return network.tenant;
  }
  return *kNone;
}

}  // namespace plumbago::relay

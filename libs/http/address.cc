#include "http/address.h"

#include <boost/asio/ip/address.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::http {
namespace {

std::string HostOf(absl::string_view text) {
  if (text.empty()) return "0.0.0.0";
  if (text == "localhost") return "127.0.0.1";
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return std::string(text.substr(1, text.size() - 2));
  }
  return std::string(text);
}

}  // namespace

absl::StatusOr<Address> ParseAddress(absl::string_view text) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("address '", base::Excerpt(text), "' ", why,
                                                   "; use host:port, for example 127.0.0.1:8080"));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return refuse("has no port");
  uint32_t port = 0;
  if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) {
    return refuse("has no port between 0 and 65535");
  }
  Address address{.host = HostOf(text.substr(0, colon)), .port = static_cast<uint16_t>(port)};
  boost::system::error_code error;
  boost::asio::ip::make_address(address.host, error);
  if (error) return refuse("has a host that is not an IP address");
  return address;
}

std::string TextOf(const Address& address) {
  const bool is_v6 = absl::StrContains(address.host, ':');
  return absl::StrCat(is_v6 ? "[" : "", address.host, is_v6 ? "]:" : ":", address.port);
}

bool IsLoopback(const Address& address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address.host, error);
  return !error && parsed.is_loopback();
}

}  // namespace plumbago::http

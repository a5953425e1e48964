#include "protocols/proxy_header.h"

#include <arpa/inet.h>

#include <array>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace plumbago::protocols {
namespace {

constexpr absl::string_view kTextBegin = "PROXY ";
constexpr size_t kTextBytesMax = 107;
constexpr absl::string_view kBinaryBegin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kBinaryFixedBytes = 16;

bool IsAddress(const std::string& text, int family) {
  std::array<char, sizeof(in6_addr)> address;
  return inet_pton(family, text.c_str(), address.data()) == 1;
}

bool ParsePort(absl::string_view text, uint16_t* port) {
  uint32_t number = 0;
  if (text.empty() || text.size() > 5 ||
      text.find_first_not_of("0123456789") != absl::string_view::npos) {
    return false;
  }
  if (!absl::SimpleAtoi(text, &number) || number > 65535) return false;
  *port = static_cast<uint16_t>(number);
  return true;
}

// "TCP4 192.0.2.1 192.0.2.2 56324 2003"
bool ParseTextFields(absl::string_view line, ProxyHeader* header) {
  const std::vector<std::string> fields = absl::StrSplit(line, ' ');
  if (fields[0] == "UNKNOWN") return true;
  if (fields.size() != 5 || (fields[0] != "TCP4" && fields[0] != "TCP6")) return false;
  const int family = fields[0] == "TCP4" ? AF_INET : AF_INET6;
  uint16_t destination_port = 0;
  if (!IsAddress(fields[1], family) || !IsAddress(fields[2], family)) return false;
  if (!ParsePort(fields[3], &header->source_port) || !ParsePort(fields[4], &destination_port)) {
    return false;
  }
  header->source_ip = fields[1];
  header->has_source = true;
  return true;
}

ProxyHeaderResult ParseText(absl::string_view data, ProxyHeader* header, size_t* size) {
  const size_t end = data.substr(0, kTextBytesMax).find("\r\n");
  if (end == absl::string_view::npos) {
    return data.size() < kTextBytesMax ? ProxyHeaderResult::kIncomplete
                                       : ProxyHeaderResult::kInvalid;
  }
  *size = end + 2;
  const absl::string_view fields = data.substr(kTextBegin.size(), end - kTextBegin.size());
  return ParseTextFields(fields, header) ? ProxyHeaderResult::kComplete
                                         : ProxyHeaderResult::kInvalid;
}

uint16_t LoadBigEndian16(absl::string_view bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

// The addresses behind the fixed part: two IPs, then two ports.
bool ParseBinaryAddresses(absl::string_view addresses, int family, ProxyHeader* header) {
  const size_t ip_bytes = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  if (addresses.size() < 2 * ip_bytes + 4) return false;
  std::array<char, INET6_ADDRSTRLEN> text;
  if (inet_ntop(family, addresses.data(), text.data(), text.size()) == nullptr) return false;
  header->source_ip = text.data();
  header->source_port = LoadBigEndian16(addresses.substr(2 * ip_bytes, 2));
  header->has_source = true;
  return true;
}

ProxyHeaderResult ParseBinary(absl::string_view data, ProxyHeader* header, size_t* size) {
  if (data.size() < kBinaryFixedBytes) return ProxyHeaderResult::kIncomplete;
  const auto version_and_command = static_cast<uint8_t>(data[12]);
  const auto family = static_cast<uint8_t>(data[13]) >> 4;
  *size = kBinaryFixedBytes + LoadBigEndian16(data.substr(14, 2));
  const unsigned command = version_and_command & 15U;
  if (version_and_command >> 4 != 2 || command > 1 || *size > kProxyHeaderBytesMax) {
    return ProxyHeaderResult::kInvalid;
  }
  if (data.size() < *size) return ProxyHeaderResult::kIncomplete;
  // 0 LOCAL, 1 PROXY; families 1 IPv4, 2 IPv6, others have no address that is of use here.
  if (command == 0 || (family != 1 && family != 2)) return ProxyHeaderResult::kComplete;
  const absl::string_view addresses = data.substr(kBinaryFixedBytes, *size - kBinaryFixedBytes);
  return ParseBinaryAddresses(addresses, family == 1 ? AF_INET : AF_INET6, header)
             ? ProxyHeaderResult::kComplete
             : ProxyHeaderResult::kInvalid;
}

bool MayBeginWith(absl::string_view data, absl::string_view begin) {
  const size_t size = std::min(data.size(), begin.size());
  return data.substr(0, size) == begin.substr(0, size);
}

}  // namespace

ProxyHeaderResult ParseProxyHeader(absl::string_view data, ProxyHeader* header, size_t* size) {
  *header = {};
  *size = 0;
  if (MayBeginWith(data, kTextBegin)) {
    return data.size() < kTextBegin.size() ? ProxyHeaderResult::kIncomplete
                                           : ParseText(data, header, size);
  }
  if (MayBeginWith(data, kBinaryBegin)) return ParseBinary(data, header, size);
  return ProxyHeaderResult::kInvalid;
}

}  // namespace plumbago::protocols

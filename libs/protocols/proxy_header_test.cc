// Proves that both versions of the PROXY header are read, byte by byte, and nothing else is taken
// for one.
#include "protocols/proxy_header.h"

#include <catch2/catch.hpp>

namespace plumbago::protocols {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

// A header of version 2.
std::string Binary(uint8_t version_and_command, uint8_t family, const std::string& addresses) {
  std::string header = kSignature;
  header.push_back(static_cast<char>(version_and_command));
  header.push_back(static_cast<char>(family));
  header.push_back(static_cast<char>(addresses.size() >> 8));
  header.push_back(static_cast<char>(addresses.size()));
  return header + addresses;
}

void Accepts(const std::string& data, const std::string& ip, uint16_t port) {
  const std::string stream = data + "a.b 1 1700000000\n";
  ProxyHeader header;
  size_t size = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    REQUIRE(ParseProxyHeader(stream.substr(0, i), &header, &size) ==
            ProxyHeaderResult::kIncomplete);
  }
  REQUIRE(ParseProxyHeader(stream, &header, &size) == ProxyHeaderResult::kComplete);
  CHECK(size == data.size());
  CHECK(header.has_source == !ip.empty());
  CHECK(header.source_ip == ip);
  CHECK(header.source_port == port);
}

void Refuses(const std::string& data) {
  ProxyHeader header;
  size_t size = 0;
  INFO(data);
  CHECK(ParseProxyHeader(data, &header, &size) == ProxyHeaderResult::kInvalid);
}

TEST_CASE("ParseProxyHeader reads version 1", "[protocols]") {
  Accepts("PROXY TCP4 192.0.2.1 192.0.2.2 56324 2003\r\n", "192.0.2.1", 56324);
  Accepts("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", "2001:db8::1", 0);
  Accepts("PROXY UNKNOWN\r\n", "", 0);
  Accepts("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", 0);
}

TEST_CASE("ParseProxyHeader refuses a version 1 that is not whole", "[protocols]") {
  Refuses("a.b 1 1700000000\n");
  Refuses("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n");
  Refuses("PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n");
  Refuses("PROXY TCP4 192.0.2.1 192.0.2.2 -1 1\r\n");
  Refuses("PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n");
  Refuses("PROXY TCP4 192.0.2 192.0.2.2 1 1\r\n");
  Refuses("PROXY TCP4 ::1 ::1 1 1\r\n");
  Refuses("PROXY TCP6 192.0.2.1 192.0.2.1 1 1\r\n");
  Refuses("PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n");
  Refuses("PROXY \r\n");
}

TEST_CASE("ParseProxyHeader bounds version 1 at 107 bytes", "[protocols]") {
  const std::string begin = "PROXY UNKNOWN ";
  Accepts(begin + std::string(105 - begin.size(), 'x') + "\r\n", "", 0);
  Refuses(begin + std::string(106 - begin.size(), 'x') + "\r\n");
}

TEST_CASE("ParseProxyHeader reads version 2", "[protocols]") {
  const std::string ipv4("\xc0\0\x02\x01\xc0\0\x02\x02\xdc\x04\x07\xd3", 12);
  Accepts(Binary(0x21, 0x11, ipv4), "192.0.2.1", 56324);
  Accepts(Binary(0x21, 0x11, ipv4 + "extensions"), "192.0.2.1", 56324);
  const std::string ip6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01";
  Accepts(Binary(0x21, 0x21, ip6 + ip6 + "\x01\x02\x03\x04"), "2001:db8::1", 258);
  Accepts(Binary(0x20, 0x00, ""), "", 0);                     // LOCAL
  Accepts(Binary(0x21, 0x31, std::string(216, 'x')), "", 0);  // a Unix socket
}

TEST_CASE("ParseProxyHeader refuses a version 2 that is not whole", "[protocols]") {
  Refuses(Binary(0x31, 0x11, std::string(12, 'x')));
  Refuses(Binary(0x22, 0x11, std::string(12, 'x')));
  Refuses(Binary(0x21, 0x11, std::string(11, 'x')));
  Refuses(Binary(0x21, 0x21, std::string(35, 'x')));
  Refuses(kSignature.substr(0, 5) + "x");
  Accepts(Binary(0x20, 0x00, std::string(kProxyHeaderBytesMax - 16, 'x')), "", 0);
  Refuses(Binary(0x20, 0x00, std::string(kProxyHeaderBytesMax - 15, 'x')));
}

}  // namespace
}  // namespace plumbago::protocols

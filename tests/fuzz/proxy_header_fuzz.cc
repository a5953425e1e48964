// PROXY headers: what is decided on a prefix of the input is not decided otherwise with more of it.
#include "checks.h"
#include "protocols/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using plumbago::protocols::ProxyHeader;
  using plumbago::protocols::ProxyHeaderResult;
  const absl::string_view bytes = plumbago::fuzz::View(data, size);
  ProxyHeader header;
  size_t header_bytes = 0;
  const ProxyHeaderResult whole =
      plumbago::protocols::ParseProxyHeader(bytes, &header, &header_bytes);
  FUZZ_CHECK(whole != ProxyHeaderResult::kComplete || header_bytes <= size);
  FUZZ_CHECK(whole != ProxyHeaderResult::kIncomplete ||
             size < plumbago::protocols::kProxyHeaderBytesMax);
  for (size_t prefix = 0; prefix < size; ++prefix) {
    ProxyHeader prefix_header;
    size_t prefix_header_bytes = 0;
    const ProxyHeaderResult result = plumbago::protocols::ParseProxyHeader(
        bytes.substr(0, prefix), &prefix_header, &prefix_header_bytes);
    if (result == ProxyHeaderResult::kIncomplete) continue;
    FUZZ_CHECK(result == whole);
    if (result == ProxyHeaderResult::kComplete) {
      FUZZ_CHECK(prefix_header_bytes == header_bytes && prefix >= header_bytes);
      FUZZ_CHECK(prefix_header.source_ip == header.source_ip);
    }
  }
  return 0;
}

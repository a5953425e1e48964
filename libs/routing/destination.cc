#include "routing/destination.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

struct Scheme {
  absl::string_view prefix;
  Protocol protocol;
};
constexpr Scheme kSchemes[] = {{"plaintext://", Protocol::kPlaintext},
                               {"pickle://", Protocol::kPickle},
                               {"opentsdb://", Protocol::kOpenTsdb},
                               {"kairosdb://", Protocol::kOpenTsdb}};

absl::Status NoDestination(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("destination \"", base::Excerpt(text), "\" ",
                                                 problem, "; write HOST:PORT[:INSTANCE]"));
}

std::string HostAndPort(const Endpoint& endpoint) {
  const bool is_v6 = absl::StrContains(endpoint.host, ':');
  return absl::StrCat(is_v6 ? "[" : "", endpoint.host, is_v6 ? "]" : "", ":", endpoint.port,
                      endpoint.instance.has_value() ? ":" : "", endpoint.instance.value_or(""),
                      endpoint.network == Network::kUdp ? " udp" : "");
}

}  // namespace

std::string Describe(const Endpoint& endpoint) {
  switch (endpoint.protocol) {
    case Protocol::kPlaintext:
      return HostAndPort(endpoint);
    case Protocol::kPickle:
      return absl::StrCat("pickle://", HostAndPort(endpoint));
    case Protocol::kOpenTsdb:
      return absl::StrCat("opentsdb://", HostAndPort(endpoint));
    case Protocol::kFile:
      return absl::StrCat("file:", endpoint.host);
    case Protocol::kFileIp:
      return absl::StrCat("file-ip:", endpoint.host);
  }
  return "?";
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text, Protocol protocol) {
  Endpoint endpoint{.protocol = protocol};
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "file:")) {
    endpoint.protocol = Protocol::kFile;
    endpoint.host = std::string(rest);
    endpoint.port = 0;
    if (!absl::StartsWith(rest, "/")) return NoDestination(text, "needs an absolute path");
    return endpoint;
  }
  for (const Scheme& scheme : kSchemes) {
    if (absl::ConsumePrefix(&rest, scheme.prefix)) endpoint.protocol = scheme.protocol;
  }
  size_t host_end = rest.find(':');
  if (absl::ConsumePrefix(&rest, "[")) {
    const size_t bracket = rest.find("]:");
    if (bracket == absl::string_view::npos) return NoDestination(text, "has no \"]:PORT\"");
    endpoint.host = std::string(rest.substr(0, bracket));
    host_end = bracket + 1;
  } else {
    endpoint.host = std::string(rest.substr(0, host_end));
  }
  if (host_end == absl::string_view::npos) return NoDestination(text, "has no port");
  absl::string_view port = rest.substr(host_end + 1);
  const size_t colon = port.find(':');
  if (colon != absl::string_view::npos) {
    endpoint.instance = std::string(port.substr(colon + 1));
    port = port.substr(0, colon);
    if (endpoint.instance->empty()) return NoDestination(text, "has an empty instance");
  }
  int number = 0;
  if (!absl::SimpleAtoi(port, &number) || number < 1 || number > 65535) {
    return NoDestination(text, "has no port from 1 to 65535");
  }
  endpoint.port = static_cast<uint16_t>(number);
  if (endpoint.host.empty()) return NoDestination(text, "has no host");
  return endpoint;
}

absl::StatusOr<Protocol> ParseProtocol(absl::string_view text) {
  if (text == "line" || text == "plaintext") return Protocol::kPlaintext;
  if (text == "pickle") return Protocol::kPickle;
  return absl::InvalidArgumentError(
      absl::StrCat("protocol \"", base::Excerpt(text), "\" is not supported; use line or pickle"));
}

}  // namespace plumbago::routing

#include "listener_spec.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::relay {
namespace {

absl::Status BadOption(const ListenerSpec& spec, absl::string_view option) {
  return absl::InvalidArgumentError(absl::StrCat(
      spec.flag, ": option \"", base::Excerpt(option), "\" is not known here; use ",
      spec.transport == Transport::kUdp    ? "tenant=ID"
      : spec.transport == Transport::kUnix ? "tenant=ID, gzip, snappy or zstd"
      : spec.protocol == Protocol::kHttp   ? "tenant=ID, proxy or tls"
                                           : "tenant=ID, gzip, snappy, zstd, proxy or tls"));
}

std::optional<protocols::Compression> CompressionOf(absl::string_view word) {
  if (word == "gzip") return protocols::Compression::kGzip;
  if (word == "snappy") return protocols::Compression::kSnappy;
  if (word == "zstd") return protocols::Compression::kZstd;
  return std::nullopt;
}

absl::Status ApplyOption(absl::string_view option, ListenerSpec& spec) {
  absl::string_view value = option;
  if (absl::ConsumePrefix(&value, "tenant=") && !value.empty()) {
    spec.tenant = std::string(value);
    return absl::OkStatus();
  }
  // Requests say themselves how they are encoded.
  const bool may_compress = spec.transport != Transport::kUdp && spec.protocol != Protocol::kHttp;
  const auto compression = may_compress ? CompressionOf(option) : std::nullopt;
  if (compression.has_value()) {
    spec.compression = compression;
  } else if (option == "proxy" && spec.transport == Transport::kTcp) {
    spec.has_proxy_header = true;
  } else if (option == "tls" && spec.transport == Transport::kTcp) {
    spec.is_tls = true;
  } else {
    return BadOption(spec, option);
  }
  return absl::OkStatus();
}

absl::StatusOr<ListenerSpec> ParseListener(absl::string_view flag, absl::string_view text,
                                           Transport transport, Protocol protocol) {
  ListenerSpec spec;
  spec.flag = std::string(flag);
  spec.transport = transport;
  spec.protocol = protocol;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  if (transport == Transport::kUnix) {
    // sockaddr_un has 108 bytes with the zero.
    if (parts[0].empty() || parts[0].size() > 107) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": \"", base::Excerpt(parts[0]), "\" is no path of 1 to 107 bytes"));
    }
    spec.path = std::string(parts[0]);
  } else {
    auto address = http::ParseAddress(parts[0]);
    if (!address.ok()) return base::Annotate(address.status(), flag);
    spec.address = *std::move(address);
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    PLUMBAGO_RETURN_IF_ERROR(ApplyOption(parts[i], spec));
  }
  return spec;
}

}  // namespace

std::string WhereOf(const ListenerSpec& spec) {
  if (spec.transport == Transport::kUnix) return spec.path;
  return absl::StrCat(spec.address.host, ":", spec.address.port);
}

absl::StatusOr<std::vector<ListenerSpec>> ParseListeners(absl::string_view flag,
                                                         absl::string_view text,
                                                         Transport transport, Protocol protocol) {
  std::vector<ListenerSpec> specs;
  for (const absl::string_view one : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    PLUMBAGO_ASSIGN_OR_RETURN(ListenerSpec spec, ParseListener(flag, one, transport, protocol));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace plumbago::relay

#include "relay/spool_destination.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/hash.h"

namespace plumbago::relay {
namespace {

// In front of the directories of endpoints; no escaped name begins with it.
constexpr absl::string_view kEndpointMark = "@";
// A file name has 255 bytes, and each of these may need three.
constexpr size_t kEndpointNameBytesMax = 80;
constexpr size_t kHashBytes = 17;  // with a '~'

// Other bytes than these as %XX, and a dot at the begin.
std::string Escape(absl::string_view name) {
  std::string escaped;
  for (const char c : name) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                          c == '_' || (c == '.' && !escaped.empty());
    if (is_plain) {
      escaped.push_back(c);
    } else {
      absl::StrAppendFormat(&escaped, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

// Empty where no name is escaped so.
std::string Unescape(absl::string_view escaped) {
  std::string name;
  for (size_t i = 0; i < escaped.size(); ++i) {
    unsigned value = static_cast<unsigned char>(escaped[i]);
    if (escaped[i] == '%') {
      if (!absl::SimpleHexAtoi(escaped.substr(i + 1, 2), &value)) return "";
      i += 2;
    }
    name.push_back(static_cast<char>(value));
  }
  return Escape(name) == escaped ? name : "";
}

}  // namespace

SpoolDestination SpoolDestination::OfShard(absl::string_view shard_id) {
  return {Kind::kShard, std::string(shard_id)};
}

SpoolDestination SpoolDestination::OfEndpoint(const routing::Endpoint& endpoint) {
  std::string name = routing::Describe(endpoint);
  if (name.size() > kEndpointNameBytesMax) {
    const std::string hash = absl::StrFormat("~%016x", base::Hash64(name));
    name.resize(kEndpointNameBytesMax - kHashBytes);
    name += hash;
  }
  return {Kind::kEndpoint, std::move(name)};
}

SpoolDestination SpoolDestination::OfEndpointName(absl::string_view name) {
  return {Kind::kEndpoint, std::string(name)};
}

std::optional<SpoolDestination> SpoolDestination::OfDirectory(absl::string_view directory) {
  const bool is_endpoint = absl::ConsumePrefix(&directory, kEndpointMark);
  std::string name = Unescape(directory);
  if (name.empty()) return std::nullopt;
  return SpoolDestination(is_endpoint ? Kind::kEndpoint : Kind::kShard, std::move(name));
}

std::string SpoolDestination::Directory() const {
  return absl::StrCat(kind_ == Kind::kEndpoint ? kEndpointMark : "", Escape(name_));
}

std::string SpoolDestination::Describe() const {
  return absl::StrCat(kind_ == Kind::kEndpoint ? "destination " : "shard ", name_);
}

}  // namespace plumbago::relay

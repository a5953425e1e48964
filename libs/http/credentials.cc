#include "http/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace plumbago::http {
namespace {

// Removes "<scheme> " without regard to case.
bool ConsumeScheme(absl::string_view scheme, absl::string_view& credential) {
  if (!absl::StartsWithIgnoreCase(credential, scheme) || credential.size() <= scheme.size() ||
      credential[scheme.size()] != ' ') {
    return false;
  }
  credential = absl::StripAsciiWhitespace(credential.substr(scheme.size()));
  return true;
}

}  // namespace

std::string KeyOf(const Request& request) {
  const absl::string_view api_key = request.headers.Get("X-Api-Key");
  if (!api_key.empty()) return std::string(absl::StripAsciiWhitespace(api_key));
  absl::string_view credential = request.headers.Get("Authorization");
  if (ConsumeScheme("Bearer", credential)) return std::string(credential);
  std::string decoded;
  if (!ConsumeScheme("Basic", credential) || !absl::Base64Unescape(credential, &decoded)) return {};
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos || colon + 1 == decoded.size()) return decoded.substr(0, colon);
  return decoded.substr(colon + 1);
}

}  // namespace plumbago::http

#include "authenticator.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"

namespace plumbago::query {
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

std::string KeyOf(const http::Request& request) {
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

absl::StatusOr<std::string> TenantOf(Authentication authentication, const http::Request& request,
                                     const topology::Snapshot* snapshot) {
  if (authentication == Authentication::kNone) return std::string("default");
  if (snapshot == nullptr) {
    return absl::UnavailableError("keys are not known yet: the tenant-controller was not reached");
  }
  const std::string key = KeyOf(request);
  if (key.empty()) {
    return absl::UnauthenticatedError(
        "a key is needed: send it as the password of basic authentication, as a bearer token, or "
        "as X-Api-Key");
  }
  const topology::KeyGrant* grant = snapshot->FindKey(base::Sha256(key));
  if (grant == nullptr) return absl::UnauthenticatedError("the key is not known, or revoked");
  if (!grant->Allows(v1::Key::READ)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the key ", grant->key_id, " does not have the scope READ"));
  }
  if (grant->tenant->state() == v1::Tenant::DELETING) {
    return absl::PermissionDeniedError(
        absl::StrCat("the tenant ", grant->tenant->id(), " is being deleted"));
  }
  return grant->tenant->id();
}

}  // namespace plumbago::query

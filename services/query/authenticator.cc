#include "authenticator.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "http/credentials.h"

namespace plumbago::query {

absl::StatusOr<std::string> TenantOf(Authentication authentication, const http::Request& request,
                                     const topology::Snapshot* snapshot, v1::Key::Scope scope) {
  if (authentication == Authentication::kNone) return std::string("default");
  if (snapshot == nullptr) {
    return absl::UnavailableError("keys are not known yet: the tenant-controller was not reached");
  }
  const std::string key = http::KeyOf(request);
  if (key.empty()) {
    return absl::UnauthenticatedError(
        "a key is needed: send it as the password of basic authentication, as a bearer token, or "
        "as X-Api-Key");
  }
  const topology::KeyGrant* grant = snapshot->FindKey(base::Sha256(key));
  if (grant == nullptr) return absl::UnauthenticatedError("the key is not known, or revoked");
  if (!grant->Allows(scope)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the key ", grant->key_id, " does not have the scope ", v1::Key::Scope_Name(scope)));
  }
  if (grant->tenant->state() == v1::Tenant::DELETING) {
    return absl::PermissionDeniedError(
        absl::StrCat("the tenant ", grant->tenant->id(), " is being deleted"));
  }
  return grant->tenant->id();
}

}  // namespace plumbago::query

// Who asks: the tenant of a request, from its credential alone. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "http/message.h"
#include "topology/snapshot.h"

namespace plumbago::query {

enum class Authentication {
  kNone,  // everyone is the tenant `default`
  kKeys,
};

// Unauthenticated: no key, or none that is known. PermissionDenied: a key without the scope, or of
// a tenant that is being deleted. Unavailable: no snapshot yet to know keys from.
absl::StatusOr<std::string> TenantOf(Authentication authentication, const http::Request& request,
                                     const topology::Snapshot* snapshot, v1::Key::Scope scope);

}  // namespace plumbago::query

// What a tenant, a key and the requests that make them must look like. Pure functions.
//
// InvalidArgument says which field is wrong, its value and what is allowed.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/random.h"
#include "plumbago/v1/tenants.pb.h"

namespace plumbago::tenancy {

inline constexpr absl::string_view kDefaultTenant = "default";
inline constexpr size_t kTenantIdBytesMax = 63;
inline constexpr size_t kTextBytesMax = 256;  // display names and notes
inline constexpr size_t kTenantsMax = 10'000;
inline constexpr size_t kKeysMax = 50'000;  // of all tenants, revoked ones too
inline constexpr size_t kKeyIdCharacters = 12;
inline constexpr size_t kKeySecretCharacters = 32;  // 190 bits

absl::Status ValidateTenantId(absl::string_view id);
// `field` names it in the message: display_name, note.
absl::Status ValidateText(absl::string_view field, absl::string_view text);
absl::Status ValidateCreateKey(const v1::CreateKeyRequest& request);

// FailedPrecondition where a tenant of this state takes no changes.
absl::Status ValidateChangeable(const v1::Tenant& tenant);

// pk_<key id>_<secret>: the whole text is what the client shows.
std::string MakeKeyText(absl::string_view key_id, base::Random& random);

}  // namespace plumbago::tenancy

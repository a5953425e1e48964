#include "tenancy/tenant_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::tenancy {

absl::Status ValidateTenantId(absl::string_view id) {
  const auto is_allowed = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  };
  const bool is_valid = !id.empty() && id.size() <= kTenantIdBytesMax && id.front() != '-' &&
                        std::all_of(id.begin(), id.end(), is_allowed);
  if (is_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tenant id \"", base::Excerpt(id),
                                                 "\" is not allowed; use 1 to ", kTenantIdBytesMax,
                                                 " of a-z, 0-9 and -, not starting with -"));
}

absl::Status ValidateText(absl::string_view field, absl::string_view text) {
  if (text.size() > kTextBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(field, " has ", text.size(), " bytes; at most ",
                                                   kTextBytesMax, " are allowed"));
  }
  const auto is_control = [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " \"", base::Excerpt(text), "\" has control characters; remove them"));
  }
  return absl::OkStatus();
}

absl::Status ValidateCreateKey(const v1::CreateKeyRequest& request) {
  if (request.scope().empty()) {
    return absl::InvalidArgumentError("scope is empty; name at least one of ingest, read, admin");
  }
  for (const int scope : request.scope()) {
    if (scope == v1::Key::SCOPE_UNSPECIFIED || !v1::Key::Scope_IsValid(scope)) {
      return absl::InvalidArgumentError(
          absl::StrCat("scope ", scope, " is unknown; use ingest, read or admin"));
    }
    if (std::count(request.scope().begin(), request.scope().end(), scope) > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "scope ", v1::Key::Scope_Name(static_cast<v1::Key::Scope>(scope)), " is given twice"));
    }
  }
  return ValidateText("note", request.note());
}

absl::Status ValidateChangeable(const v1::Tenant& tenant) {
  if (tenant.state() != v1::Tenant::DELETING) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("tenant \"", tenant.id(), "\" is being deleted and takes no changes"));
}

std::string MakeKeyText(absl::string_view key_id, base::Random& random) {
  return absl::StrCat("pk_", key_id, "_", base::RandomBase62(random, kKeySecretCharacters));
}

}  // namespace plumbago::tenancy

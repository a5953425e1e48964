#include "tenancy/policy_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/storage_rules.h"

namespace plumbago::tenancy {

absl::Status ValidateStoragePolicy(const v1::StoragePolicy& policy) {
  const size_t byte_count = policy.storage_schemas().size() + policy.storage_aggregation().size();
  if (byte_count > kPolicyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("storage_policy has ", byte_count,
                                                   " bytes; at most ", kPolicyBytesMax,
                                                   " are allowed: let patterns match more"));
  }
  if (byte_count == 0) {
    return absl::InvalidArgumentError(
        "storage_policy is empty; leave it out to remove the tenant's own");
  }
  return whisper::StorageRules::Parse(
             {.schemas = policy.storage_schemas(), .aggregation = policy.storage_aggregation()})
      .status();
}

absl::Status ValidatePrefixQuota(const v1::PrefixQuota& quota) {
  const absl::string_view prefix = quota.prefix();
  const auto invalid = [&](absl::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prefix \"", base::Excerpt(prefix), "\" ", problem,
        "; give whole nodes, such as servers.web, which covers servers.web.cpu and not "
        "servers.web2.cpu"));
  };
  if (prefix.empty()) {
    return absl::InvalidArgumentError(
        "prefix is empty; the quota of a whole tenant is in its limits: series and disk_bytes");
  }
  if (prefix.size() > kPrefixBytesMax) {
    return invalid(absl::StrCat("has over ", kPrefixBytesMax, " bytes"));
  }
  if (absl::StartsWith(prefix, ".") || absl::EndsWith(prefix, ".") ||
      absl::StrContains(prefix, "..")) {
    return invalid("has an empty node");
  }
  const auto is_forbidden = [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) ||
           absl::StrContains("/;*?[]{}", absl::string_view(&c, 1));
  };
  if (std::any_of(prefix.begin(), prefix.end(), is_forbidden)) {
    return invalid("has a wildcard, ';', '/' or a control character");
  }
  return absl::OkStatus();
}

absl::Status PutPrefixQuota(const v1::PrefixQuota& quota, v1::Tenant& tenant) {
  auto& quotas = *tenant.mutable_prefix_quota();
  const auto place = std::lower_bound(
      quotas.begin(), quotas.end(), quota.prefix(),
      [](const v1::PrefixQuota& one, const std::string& prefix) { return one.prefix() < prefix; });
  const bool is_there = place != quotas.end() && place->prefix() == quota.prefix();
  if (quota.series() == 0 && quota.bytes() == 0) {
    if (!is_there) {
      return absl::NotFoundError(absl::StrCat("tenant \"", tenant.id(),
                                              "\" has no quota for prefix \"",
                                              base::Excerpt(quota.prefix()), "\""));
    }
    quotas.erase(place);
    return absl::OkStatus();
  }
  if (is_there) {
    *place = quota;
    return absl::OkStatus();
  }
  if (quotas.size() >= kPrefixQuotasMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "tenant \"", tenant.id(), "\" has ", quotas.size(), " prefix quotas, which is the limit"));
  }
  const auto position = static_cast<int>(place - quotas.begin());
  *quotas.Add() = quota;
  for (int i = quotas.size() - 1; i > position; --i) quotas.SwapElements(i, i - 1);
  return absl::OkStatus();
}

absl::Status CheckPolicyBytes(const google::protobuf::RepeatedPtrField<v1::Tenant>& tenants) {
  size_t byte_count = 0;
  for (const v1::Tenant& tenant : tenants) {
    byte_count += tenant.storage_policy().ByteSizeLong();
    for (const v1::PrefixQuota& quota : tenant.prefix_quota()) byte_count += quota.ByteSizeLong();
  }
  if (byte_count <= kPolicyBytesTotalMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the storage policies and prefix quotas of all tenants would have ", byte_count,
      " bytes; at most ", kPolicyBytesTotalMax,
      " are possible: give tenants with equal policies files in the stores' --policy-dir"));
}

}  // namespace plumbago::tenancy

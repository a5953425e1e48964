// What a tenant's storage policy and the quotas of its branches must look like. Pure functions.
//
// InvalidArgument says what is wrong, with file and line in a policy, and what is allowed.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "plumbago/v1/tenants.pb.h"

namespace plumbago::tenancy {

inline constexpr size_t kPolicyBytesMax = 256 << 10;  // of one tenant, both files
// Of all tenants, prefix quotas too: every service is sent all of it in one message.
inline constexpr size_t kPolicyBytesTotalMax = 4 << 20;
inline constexpr int kPrefixQuotasMax = 1000;  // of one tenant
inline constexpr size_t kPrefixBytesMax = 1024;

// Parses it as the stores will.
absl::Status ValidateStoragePolicy(const v1::StoragePolicy& policy);
// The prefix is one or more whole nodes without wildcards.
absl::Status ValidatePrefixQuota(const v1::PrefixQuota& quota);

// Puts `quota` in its place among those of `tenant`, ordered by prefix; without limits it is taken
// away, and NotFound if it is not there. ResourceExhausted: there are kPrefixQuotasMax.
absl::Status PutPrefixQuota(const v1::PrefixQuota& quota, v1::Tenant& tenant);

// ResourceExhausted where the policies and quotas of all tenants exceed kPolicyBytesTotalMax.
absl::Status CheckPolicyBytes(const google::protobuf::RepeatedPtrField<v1::Tenant>& tenants);

}  // namespace plumbago::tenancy

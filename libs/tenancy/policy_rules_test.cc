// Proves what storage policies and prefix quotas are accepted, and how quotas are put in order.
#include "tenancy/policy_rules.h"

#include <catch2/catch.hpp>

namespace plumbago::tenancy {
namespace {

using Catch::Matchers::Contains;

constexpr char kSchemas[] = "[all]\npattern = .*\nretentions = 10s:1h\n";

v1::StoragePolicy Policy(const std::string& schemas, const std::string& aggregation) {
  v1::StoragePolicy policy;
  policy.set_storage_schemas(schemas);
  policy.set_storage_aggregation(aggregation);
  return policy;
}

v1::PrefixQuota Quota(const std::string& prefix, uint64_t series) {
  v1::PrefixQuota quota;
  quota.set_prefix(prefix);
  quota.set_series(series);
  return quota;
}

std::string Refusal(const absl::Status& status) {
  CHECK(absl::IsInvalidArgument(status));
  return std::string(status.message());
}

TEST_CASE("A storage policy is refused with file and line of what is wrong", "[tenancy]") {
  CHECK(ValidateStoragePolicy(Policy(kSchemas, "")).ok());
  CHECK(ValidateStoragePolicy(Policy("", "[a]\npattern = a\nxFilesFactor = 0\n")).ok());
  CHECK_THAT(Refusal(ValidateStoragePolicy(Policy("[all]\npattern = .*\nretentions = 1x:1d", ""))),
             Contains("storage-schemas.conf line 3"));
  CHECK_THAT(Refusal(ValidateStoragePolicy(Policy("", "[a]\npattern = a\nxFilesFactor = 2\n"))),
             Contains("storage-aggregation.conf line 3"));
  CHECK_THAT(Refusal(ValidateStoragePolicy(Policy("", ""))), Contains("is empty"));
}

TEST_CASE("A storage policy has at most 256 KiB", "[tenancy]") {
  const std::string schemas =
      std::string(kSchemas) + std::string(kPolicyBytesMax - sizeof(kSchemas) + 1, '\n');
  REQUIRE(schemas.size() == kPolicyBytesMax);
  CHECK(ValidateStoragePolicy(Policy(schemas, "")).ok());
  CHECK_THAT(Refusal(ValidateStoragePolicy(Policy(schemas, "\n"))),
             Contains("262145 bytes; at most 262144"));
}

TEST_CASE("A prefix is whole nodes without wildcards", "[tenancy]") {
  CHECK(ValidatePrefixQuota(Quota("servers.web", 1)).ok());
  CHECK(ValidatePrefixQuota(Quota("_tagged", 1)).ok());
  CHECK(ValidatePrefixQuota(Quota(std::string(kPrefixBytesMax, 'a'), 1)).ok());
  for (const std::string bad : {"", ".a", "a.", "a..b", "a.*", "a/b", "a;b=c", "a\nb"}) {
    INFO(bad);
    CHECK(absl::IsInvalidArgument(ValidatePrefixQuota(Quota(bad, 1))));
  }
  CHECK(absl::IsInvalidArgument(
      ValidatePrefixQuota(Quota(std::string(kPrefixBytesMax + 1, 'a'), 1))));
}

TEST_CASE("Quotas are put in order, replaced and taken away", "[tenancy]") {
  v1::Tenant tenant;
  tenant.set_id("t");
  for (const std::string prefix : {"m", "a", "z"}) {
    REQUIRE(PutPrefixQuota(Quota(prefix, 1), tenant).ok());
  }
  REQUIRE(PutPrefixQuota(Quota("m", 2), tenant).ok());
  REQUIRE(tenant.prefix_quota_size() == 3);
  CHECK(tenant.prefix_quota(0).prefix() == "a");
  CHECK(tenant.prefix_quota(1).series() == 2);
  REQUIRE(PutPrefixQuota(Quota("a", 0), tenant).ok());
  CHECK(tenant.prefix_quota_size() == 2);
  CHECK(absl::IsNotFound(PutPrefixQuota(Quota("a", 0), tenant)));
}

TEST_CASE("Quotas are bounded in number, policies in total", "[tenancy]") {
  v1::Tenant tenant;
  for (int i = 0; i < kPrefixQuotasMax; ++i) {
    REQUIRE(PutPrefixQuota(Quota("a" + std::to_string(i), 1), tenant).ok());
  }
  CHECK(absl::IsResourceExhausted(PutPrefixQuota(Quota("b", 1), tenant)));
  CHECK(PutPrefixQuota(Quota("a1", 2), tenant).ok());

  google::protobuf::RepeatedPtrField<v1::Tenant> tenants;
  for (size_t i = 0; i < kPolicyBytesTotalMax / kPolicyBytesMax - 1; ++i) {
    *tenants.Add()->mutable_storage_policy() = Policy(std::string(kPolicyBytesMax, '\n'), "");
  }
  CHECK(CheckPolicyBytes(tenants).ok());
  *tenants.Add()->mutable_storage_policy() = Policy(std::string(kPolicyBytesMax, '\n'), "");
  CHECK(absl::IsResourceExhausted(CheckPolicyBytes(tenants)));
}

}  // namespace
}  // namespace plumbago::tenancy

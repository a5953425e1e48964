// Proves what the registry keeps, over restarts too, and that a change which is not durable is not
// visible. On a KeyValue in memory with simulated time and seeded randomness.
#include "tenancy/registry.h"

#include <catch2/catch.hpp>

#include "base/sha256.h"
#include "topology/snapshot.h"

namespace plumbago::tenancy {
namespace {

class FailableKeyValue final : public base::KeyValue {
 public:
  absl::StatusOr<std::string> Get(absl::string_view key) override { return kv.Get(key); }
  absl::Status Apply(const std::vector<base::KeyValueChange>& changes,
                     base::KeyValueSync sync) override {
    CHECK(sync == base::KeyValueSync::kDisk);
    return failure.ok() ? kv.Apply(changes, sync) : failure;
  }
  absl::Status Scan(absl::string_view prefix, const Visitor& visit) override {
    return kv.Scan(prefix, visit);
  }

  base::MemoryKeyValue kv;
  absl::Status failure;
};

struct Fixture {
  Fixture() { Reopen(); }

  void Reopen() {
    registry.reset();
    auto opened = Registry::Open(kv, clock, random);
    INFO(opened.status().ToString());
    REQUIRE(opened.ok());
    registry = std::move(*opened);
  }

  absl::StatusOr<v1::Tenant> Create(const std::string& id) {
    v1::CreateTenantRequest request;
    request.set_id(id);
    return registry->CreateTenant(request);
  }

  v1::CreateKeyResponse CreateKey(const std::string& tenant) {
    v1::CreateKeyRequest request;
    request.set_tenant(tenant);
    request.add_scope(v1::Key::INGEST);
    return registry->CreateKey(request).value();
  }

  FailableKeyValue kv;
  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  base::SeededRandom random{1};
  std::unique_ptr<Registry> registry;
};

v1::Shard MakeShard(const std::string& id) {
  v1::Shard shard;
  shard.set_id(id);
  shard.set_cache_address("127.0.0.1:1");
  shard.set_store_address("127.0.0.1:2");
  return shard;
}

TEST_CASE("A new registry has the default tenant", "[tenancy]") {
  Fixture fixture;
  CHECK(fixture.registry->GetTenant("default")->state() == v1::Tenant::ACTIVE);
  const auto version = fixture.registry->Current()->version();
  fixture.Reopen();
  CHECK(fixture.registry->Current()->version() == version);
  CHECK(fixture.registry->Current()->tenant_size() == 1);
}

TEST_CASE("Tenants are kept over a restart, ordered by id", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("zoo").ok());
  v1::CreateTenantRequest request;
  request.set_id("acme");
  request.set_display_name("Acme");
  request.mutable_limits()->set_series(0);
  const auto created = fixture.registry->CreateTenant(request);
  REQUIRE(created.ok());
  CHECK(created->generation() == 1);
  CHECK(created->created_unix_ms() == 1000'000);
  const std::string before = fixture.registry->Current()->SerializeAsString();
  fixture.Reopen();
  CHECK(fixture.registry->Current()->SerializeAsString() == before);
  CHECK(fixture.registry->Current()->tenant(0).id() == "acme");
  CHECK(fixture.registry->Current()->tenant(2).id() == "zoo");
  CHECK(fixture.registry->GetTenant("acme")->limits().has_series());
}

TEST_CASE("An id is refused when it is bad, taken or was taken", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  CHECK(fixture.Create("Acme").status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(fixture.Create("acme").status().code() == absl::StatusCode::kAlreadyExists);
  REQUIRE(fixture.registry->DeleteTenant("acme").ok());
  fixture.Reopen();
  const absl::Status status = fixture.Create("acme").status();
  CHECK(status.code() == absl::StatusCode::kAlreadyExists);
  CHECK_THAT(std::string(status.message()), Catch::Contains("ids are not used again"));
}

TEST_CASE("UpdateTenant replaces what is present and counts generations", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  fixture.clock.Advance(absl::Seconds(5));
  v1::UpdateTenantRequest request;
  request.set_id("acme");
  request.mutable_limits()->set_series(10);
  CHECK(fixture.registry->UpdateTenant(request)->generation() == 2);
  request.mutable_limits()->clear_series();
  request.mutable_limits()->set_disk_bytes(7);
  request.set_display_name("Acme");
  const auto updated = fixture.registry->UpdateTenant(request);
  REQUIRE(updated.ok());
  CHECK(updated->limits().series() == 10);
  CHECK(updated->limits().disk_bytes() == 7);
  CHECK(updated->display_name() == "Acme");
  CHECK(updated->updated_unix_ms() == 1005'000);
  CHECK(updated->created_unix_ms() == 1000'000);
  const auto version = fixture.registry->Current()->version();
  CHECK(fixture.registry->UpdateTenant(request)->generation() == 3);  // the same again
  CHECK(fixture.registry->Current()->version() == version);
  request.set_id("nobody");
  CHECK(fixture.registry->UpdateTenant(request).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("Tenants are suspended, resumed and deleted", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  CHECK(fixture.registry->SuspendTenant("acme")->state() == v1::Tenant::SUSPENDED);
  CHECK(fixture.registry->SuspendTenant("acme").ok());
  CHECK(fixture.registry->ResumeTenant("acme")->state() == v1::Tenant::ACTIVE);
  CHECK(fixture.registry->DeleteTenant("acme")->state() == v1::Tenant::DELETING);
  CHECK(fixture.registry->DeleteTenant("acme").ok());
  for (const auto& status : {fixture.registry->ResumeTenant("acme").status(),
                             fixture.registry->SuspendTenant("acme").status()}) {
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  }
  CHECK(fixture.registry->DeleteTenant("default").status().code() ==
        absl::StatusCode::kFailedPrecondition);
  CHECK(fixture.registry->DeleteTenant("nobody").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("A storage policy and prefix quotas are kept over a restart, and removed", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  v1::SetStoragePolicyRequest policy;
  policy.set_id("acme");
  policy.mutable_storage_policy()->set_storage_schemas(
      "[all]\npattern = .*\nretentions = 10s:1h\n");
  REQUIRE(fixture.registry->SetStoragePolicy(policy).ok());
  v1::SetPrefixQuotaRequest quota;
  quota.set_id("acme");
  quota.mutable_quota()->set_prefix("servers");
  quota.mutable_quota()->set_series(10);
  REQUIRE(fixture.registry->SetPrefixQuota(quota).ok());

  fixture.Reopen();
  v1::Tenant tenant = fixture.registry->GetTenant("acme").value();
  CHECK(tenant.storage_policy().storage_schemas() == policy.storage_policy().storage_schemas());
  CHECK(tenant.prefix_quota(0).series() == 10);
  CHECK(tenant.generation() == 3);

  policy.mutable_storage_policy()->set_storage_schemas("nonsense");
  CHECK(absl::IsInvalidArgument(fixture.registry->SetStoragePolicy(policy).status()));
  CHECK(fixture.registry->GetTenant("acme")->has_storage_policy());
  policy.clear_storage_policy();
  CHECK_FALSE(fixture.registry->SetStoragePolicy(policy)->has_storage_policy());
  quota.mutable_quota()->set_series(0);
  CHECK(fixture.registry->SetPrefixQuota(quota)->prefix_quota().empty());
  quota.set_id("nobody");
  CHECK(absl::IsNotFound(fixture.registry->SetPrefixQuota(quota).status()));
}

TEST_CASE("A key is known by its hash only and found in the snapshot", "[tenancy]") {
  Fixture fixture;
  const auto created = fixture.CreateKey("default");
  CHECK(created.key().id().size() == 12);
  CHECK(created.key().secret_sha256().empty());
  CHECK(created.secret().find("pk_" + created.key().id() + "_") == 0);
  fixture.Reopen();
  CHECK(fixture.registry->Current()->SerializeAsString().find(created.secret()) ==
        std::string::npos);
  const auto snapshot = topology::Snapshot::FromProto(*fixture.registry->Current()).value();
  const auto* grant = snapshot->FindKey(base::Sha256(created.secret()));
  REQUIRE(grant != nullptr);
  CHECK(grant->tenant->id() == "default");
  CHECK(grant->Allows(v1::Key::INGEST));
}

TEST_CASE("A revoked key is listed and not found", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  const auto first = fixture.CreateKey("acme");
  const auto second = fixture.CreateKey("acme");
  fixture.CreateKey("default");
  CHECK(fixture.registry->RevokeKey(first.key().id())->revoked_unix_ms() == 1000'000);
  fixture.clock.Advance(absl::Seconds(1));
  CHECK(fixture.registry->RevokeKey(first.key().id())->revoked_unix_ms() == 1000'000);
  const auto keys = fixture.registry->ListKeys("acme");
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  for (const v1::Key& key : *keys) CHECK(key.secret_sha256().empty());
  const auto snapshot = topology::Snapshot::FromProto(*fixture.registry->Current()).value();
  CHECK(snapshot->FindKey(base::Sha256(first.secret())) == nullptr);
  CHECK(snapshot->FindKey(base::Sha256(second.secret())) != nullptr);
  CHECK(fixture.registry->RevokeKey("nope").status().code() == absl::StatusCode::kNotFound);
  CHECK(fixture.registry->ListKeys("nobody").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("Keys are refused for unknown and deleted tenants", "[tenancy]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  REQUIRE(fixture.registry->DeleteTenant("acme").ok());
  v1::CreateKeyRequest request;
  request.set_tenant("acme");
  CHECK(fixture.registry->CreateKey(request).status().code() == absl::StatusCode::kInvalidArgument);
  request.add_scope(v1::Key::READ);
  CHECK(fixture.registry->CreateKey(request).status().code() ==
        absl::StatusCode::kFailedPrecondition);
  request.set_tenant("nobody");
  CHECK(fixture.registry->CreateKey(request).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("The topology is kept over a restart with its epoch", "[tenancy]") {
  Fixture fixture;
  const auto version = fixture.registry->Current()->version();
  REQUIRE(fixture.registry->AddShard(MakeShard("a"))->epoch() == 1);
  REQUIRE(fixture.registry->AddShard(MakeShard("b"))->epoch() == 2);
  REQUIRE(fixture.registry->AssignSlots({})->epoch() == 3);
  CHECK(fixture.registry->AssignSlots({})->epoch() == 3);  // balanced already
  CHECK(fixture.registry->Current()->version() == version + 3);
  fixture.Reopen();
  CHECK(fixture.registry->Current()->topology().epoch() == 3);
  CHECK(fixture.registry->Current()->version() == version + 3);
  CHECK(topology::Snapshot::FromProto(*fixture.registry->Current()).ok());
}

TEST_CASE("InitialiseTopology is for the first start", "[tenancy]") {
  Fixture fixture;
  CHECK(fixture.registry->InitialiseTopology({}, 1).ok());
  CHECK(fixture.registry->Current()->topology().epoch() == 0);
  CHECK(fixture.registry->InitialiseTopology({MakeShard("a"), MakeShard("b")}, 2).ok());
  CHECK(fixture.registry->Current()->topology().epoch() == 1);
  CHECK(fixture.registry->Current()->topology().slots(0).shard_size() == 2);
  CHECK(fixture.registry->InitialiseTopology({MakeShard("a"), MakeShard("b")}, 2).ok());
  CHECK(fixture.registry->InitialiseTopology({MakeShard("c")}, 1).code() ==
        absl::StatusCode::kFailedPrecondition);
  CHECK(fixture.registry->Current()->topology().epoch() == 1);
}

TEST_CASE("Every change calls the listener once, with the change visible", "[tenancy]") {
  Fixture fixture;
  std::vector<uint64_t> versions;
  fixture.registry->SetListener(
      [&] { versions.push_back(fixture.registry->Current()->version()); });
  REQUIRE(fixture.Create("acme").ok());
  fixture.CreateKey("acme");
  REQUIRE(fixture.registry->AddShard(MakeShard("a")).ok());
  CHECK(versions == std::vector<uint64_t>{2, 3, 4});
}

TEST_CASE("A change that is not durable is not visible", "[tenancy]") {
  Fixture fixture;
  const std::string before = fixture.registry->Current()->SerializeAsString();
  fixture.kv.failure = absl::UnavailableError("disk");
  CHECK(fixture.Create("acme").status().code() == absl::StatusCode::kUnavailable);
  CHECK(fixture.registry->SuspendTenant("default").status().code() ==
        absl::StatusCode::kUnavailable);
  CHECK(fixture.registry->AddShard(MakeShard("a")).status().code() ==
        absl::StatusCode::kUnavailable);
  CHECK(fixture.registry->Current()->SerializeAsString() == before);
}

TEST_CASE("Open refuses malformed, contradictory and newer registries", "[tenancy]") {
  const auto code_with = [](const std::string& key, const std::string& value) {
    Fixture fixture;
    REQUIRE(fixture.kv.Apply({{key, value}}, base::KeyValueSync::kDisk).ok());
    return Registry::Open(fixture.kv, fixture.clock, fixture.random).status().code();
  };
  v1::Tenant tenant;
  tenant.set_id("acme");
  v1::Key key;
  key.set_id("k");
  key.set_tenant("nobody");
  CHECK(code_with("tenant/acme", tenant.SerializeAsString()) == absl::StatusCode::kOk);
  CHECK(code_with("tenant/other", tenant.SerializeAsString()) == absl::StatusCode::kDataLoss);
  CHECK(code_with("tenant/acme", "\xff") == absl::StatusCode::kDataLoss);
  CHECK(code_with("topology", "\xff") == absl::StatusCode::kDataLoss);
  CHECK(code_with("version", "x") == absl::StatusCode::kDataLoss);
  CHECK(code_with("key/k", key.SerializeAsString()) == absl::StatusCode::kDataLoss);
  CHECK(code_with("format", "2") == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace plumbago::tenancy

#include "tenancy/registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"
#include "base/status.h"
#include "tenancy/policy_rules.h"
#include "tenancy/tenant_rules.h"
#include "tenancy/topology_rules.h"
#include "topology/snapshot.h"

namespace plumbago::tenancy {
namespace {

constexpr absl::string_view kFormatKey = "format";
constexpr absl::string_view kFormat = "1";
constexpr absl::string_view kVersionKey = "version";
constexpr absl::string_view kTopologyKey = "topology";
constexpr absl::string_view kTenantPrefix = "tenant/";
constexpr absl::string_view kKeyPrefix = "key/";

// Where the record with `id` is, or would be, in records ordered by id.
template <typename Records>
int Position(const Records& records, absl::string_view id) {
  const auto found = std::lower_bound(
      records.begin(), records.end(), id,
      [](const auto& record, absl::string_view wanted) { return record.id() < wanted; });
  return static_cast<int>(found - records.begin());
}

template <typename Records>
auto Find(Records& records, absl::string_view id) {
  const int position = Position(records, id);
  const bool is_found = position < records.size() && records.Get(position).id() == id;
  return is_found ? &*(records.begin() + position) : nullptr;
}

template <typename Records, typename Record>
void Insert(Records& records, const Record& record) {
  const int position = Position(records, record.id());
  *records.Add() = record;
  for (int i = records.size() - 1; i > position; --i) records.SwapElements(i, i - 1);
}

absl::Status NoSuchTenant(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("there is no tenant \"", base::Excerpt(id), "\""));
}

v1::Key WithoutHash(v1::Key key) {
  key.clear_secret_sha256();
  return key;
}

absl::Status Malformed(absl::string_view key) {
  return absl::DataLossError(absl::StrCat("registry record \"", base::Excerpt(key),
                                          "\" is malformed; restore the registry from a backup"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Open(base::KeyValue& kv, base::Clock& clock,
                                                         base::Random& random) {
  std::unique_ptr<Registry> registry(new Registry(kv, clock, random));
  PLUMBAGO_RETURN_IF_ERROR(registry->Load());
  PLUMBAGO_RETURN_IF_ERROR(registry->CreateDefaultTenant());
  return registry;
}

absl::Status Registry::Load() {
  v1::Snapshot loaded;
  absl::Status problem;
  const auto parse = [&](absl::string_view key, absl::string_view value) {
    uint64_t version = 0;
    bool is_good = true;
    if (key == kFormatKey) {
      if (value != kFormat) {
        problem = absl::FailedPreconditionError(absl::StrCat("the registry has format \"",
                                                             base::Excerpt(value),
                                                             "\"; this release reads ", kFormat));
      }
    } else if (key == kVersionKey) {
      is_good = absl::SimpleAtoi(value, &version);
      loaded.set_version(version);
    } else if (key == kTopologyKey) {
      is_good = loaded.mutable_topology()->ParseFromString(std::string(value));
    } else if (absl::ConsumePrefix(&key, kTenantPrefix)) {
      is_good = loaded.add_tenant()->ParseFromString(std::string(value)) &&
                loaded.tenant(loaded.tenant_size() - 1).id() == key;
    } else if (absl::ConsumePrefix(&key, kKeyPrefix)) {
      is_good = loaded.add_key()->ParseFromString(std::string(value)) &&
                loaded.key(loaded.key_size() - 1).id() == key;
    }
    if (!is_good) problem = Malformed(key);
    return problem.ok();
  };
  PLUMBAGO_RETURN_IF_ERROR(kv_.Scan("", parse));  // in byte order: tenants and keys come sorted
  PLUMBAGO_RETURN_IF_ERROR(problem);
  const auto valid = topology::Snapshot::FromProto(loaded);
  if (!valid.ok()) {
    return absl::DataLossError(
        absl::StrCat("the registry contradicts itself: ", valid.status().message(),
                     "; restore it from a backup"));
  }
  base::MutexLock lock(mutex_);
  current_ = std::make_shared<v1::Snapshot>(std::move(loaded));
  return absl::OkStatus();
}

absl::Status Registry::CreateDefaultTenant() {
  base::MutexLock change_lock(change_mutex_);
  if (Find(Current()->tenant(), kDefaultTenant) != nullptr) return absl::OkStatus();
  v1::Tenant tenant;
  tenant.set_id(std::string(kDefaultTenant));
  tenant.set_display_name("Default");
  return AddTenant(std::move(tenant)).status();
}

std::shared_ptr<const v1::Snapshot> Registry::Current() const {
  base::MutexLock lock(mutex_);
  return current_;
}

absl::StatusOr<v1::Tenant> Registry::CreateTenant(const v1::CreateTenantRequest& request) {
  PLUMBAGO_RETURN_IF_ERROR(ValidateTenantId(request.id()));
  PLUMBAGO_RETURN_IF_ERROR(ValidateText("display_name", request.display_name()));
  base::MutexLock change_lock(change_mutex_);
  const auto current = Current();
  if (const v1::Tenant* tenant = Find(current->tenant(), request.id()); tenant != nullptr) {
    const bool is_deleting = tenant->state() == v1::Tenant::DELETING;
    return absl::AlreadyExistsError(absl::StrCat(
        "tenant \"", request.id(), "\" exists",
        is_deleting ? " (being deleted); ids are not used again, choose another" : ""));
  }
  if (static_cast<size_t>(current->tenant_size()) >= kTenantsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", current->tenant_size(), " tenants, which is the limit"));
  }
  v1::Tenant tenant;
  tenant.set_id(request.id());
  tenant.set_display_name(request.display_name());
  if (request.has_limits()) *tenant.mutable_limits() = request.limits();
  return AddTenant(std::move(tenant));
}

absl::StatusOr<v1::Tenant> Registry::AddTenant(v1::Tenant tenant) {
  tenant.set_state(v1::Tenant::ACTIVE);
  tenant.set_created_unix_ms(NowUnixMs());
  tenant.set_updated_unix_ms(tenant.created_unix_ms());
  tenant.set_generation(1);
  v1::Snapshot next = *Current();
  Insert(*next.mutable_tenant(), tenant);
  PLUMBAGO_RETURN_IF_ERROR(
      Commit(std::move(next), absl::StrCat(kTenantPrefix, tenant.id()), tenant));
  return tenant;
}

absl::StatusOr<v1::Tenant> Registry::GetTenant(absl::string_view id) const {
  const auto current = Current();
  const v1::Tenant* tenant = Find(current->tenant(), id);
  if (tenant == nullptr) return NoSuchTenant(id);
  return *tenant;
}

absl::StatusOr<v1::Tenant> Registry::UpdateTenant(const v1::UpdateTenantRequest& request) {
  PLUMBAGO_RETURN_IF_ERROR(ValidateText("display_name", request.display_name()));
  return ChangeTenant(request.id(), [&](v1::Tenant& tenant) {
    if (request.has_display_name()) tenant.set_display_name(request.display_name());
    if (request.has_limits()) tenant.mutable_limits()->MergeFrom(request.limits());
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Tenant> Registry::SuspendTenant(absl::string_view id) {
  return ChangeTenant(id, [](v1::Tenant& tenant) {
    tenant.set_state(v1::Tenant::SUSPENDED);
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Tenant> Registry::ResumeTenant(absl::string_view id) {
  return ChangeTenant(id, [](v1::Tenant& tenant) {
    tenant.set_state(v1::Tenant::ACTIVE);
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Tenant> Registry::DeleteTenant(absl::string_view id) {
  const auto present = GetTenant(id);
  if (present.ok() && present->state() == v1::Tenant::DELETING) return present;
  return ChangeTenant(id, [](v1::Tenant& tenant) {
    if (tenant.id() == kDefaultTenant) {
      return absl::FailedPreconditionError(absl::StrCat(
          "tenant \"", kDefaultTenant, "\" cannot be deleted; suspend it to refuse its writes"));
    }
    tenant.set_state(v1::Tenant::DELETING);
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Tenant> Registry::SetStoragePolicy(const v1::SetStoragePolicyRequest& request) {
  if (request.has_storage_policy()) {
    PLUMBAGO_RETURN_IF_ERROR(ValidateStoragePolicy(request.storage_policy()));
  }
  return ChangeTenant(request.id(), [&](v1::Tenant& tenant) {
    tenant.clear_storage_policy();
    if (request.has_storage_policy()) *tenant.mutable_storage_policy() = request.storage_policy();
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Tenant> Registry::SetPrefixQuota(const v1::SetPrefixQuotaRequest& request) {
  PLUMBAGO_RETURN_IF_ERROR(ValidatePrefixQuota(request.quota()));
  return ChangeTenant(request.id(),
                      [&](v1::Tenant& tenant) { return PutPrefixQuota(request.quota(), tenant); });
}

absl::StatusOr<v1::Tenant> Registry::ChangeTenant(absl::string_view id, TenantChange change) {
  base::MutexLock change_lock(change_mutex_);
  v1::Snapshot next = *Current();
  v1::Tenant* tenant = Find(*next.mutable_tenant(), id);
  if (tenant == nullptr) return NoSuchTenant(id);
  PLUMBAGO_RETURN_IF_ERROR(ValidateChangeable(*tenant));
  const std::string before = tenant->SerializeAsString();
  PLUMBAGO_RETURN_IF_ERROR(change(*tenant));
  if (tenant->SerializeAsString() == before) return *tenant;
  PLUMBAGO_RETURN_IF_ERROR(CheckPolicyBytes(next.tenant()));
  tenant->set_updated_unix_ms(NowUnixMs());
  tenant->set_generation(tenant->generation() + 1);
  v1::Tenant result = *tenant;
  PLUMBAGO_RETURN_IF_ERROR(Commit(std::move(next), absl::StrCat(kTenantPrefix, id), result));
  return result;
}

absl::StatusOr<v1::CreateKeyResponse> Registry::CreateKey(const v1::CreateKeyRequest& request) {
  PLUMBAGO_RETURN_IF_ERROR(ValidateCreateKey(request));
  base::MutexLock change_lock(change_mutex_);
  v1::Snapshot next = *Current();
  const v1::Tenant* tenant = Find(next.tenant(), request.tenant());
  if (tenant == nullptr) return NoSuchTenant(request.tenant());
  PLUMBAGO_RETURN_IF_ERROR(ValidateChangeable(*tenant));
  if (static_cast<size_t>(next.key_size()) >= kKeysMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "there are ", next.key_size(), " keys (revoked ones included), which is the limit"));
  }
  v1::Key key;
  do {
    key.set_id(base::RandomBase62(random_, kKeyIdCharacters));
  } while (Find(next.key(), key.id()) != nullptr);
  v1::CreateKeyResponse response;
  response.set_secret(MakeKeyText(key.id(), random_));
  key.set_tenant(request.tenant());
  *key.mutable_scope() = request.scope();
  key.set_secret_sha256(base::Sha256(response.secret()));
  key.set_note(request.note());
  key.set_created_unix_ms(NowUnixMs());
  Insert(*next.mutable_key(), key);
  PLUMBAGO_RETURN_IF_ERROR(Commit(std::move(next), absl::StrCat(kKeyPrefix, key.id()), key));
  *response.mutable_key() = WithoutHash(std::move(key));
  return response;
}

absl::StatusOr<std::vector<v1::Key>> Registry::ListKeys(absl::string_view tenant) const {
  const auto current = Current();
  if (Find(current->tenant(), tenant) == nullptr) return NoSuchTenant(tenant);
  std::vector<v1::Key> keys;
  for (const v1::Key& key : current->key()) {
    if (key.tenant() == tenant) keys.push_back(WithoutHash(key));
  }
  return keys;
}

absl::StatusOr<v1::Key> Registry::RevokeKey(absl::string_view id) {
  base::MutexLock change_lock(change_mutex_);
  v1::Snapshot next = *Current();
  v1::Key* key = Find(*next.mutable_key(), id);
  if (key == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no key \"", base::Excerpt(id),
                                            "\"; give its id of 12 characters, not its secret"));
  }
  if (key->revoked_unix_ms() != 0) return WithoutHash(*key);
  key->set_revoked_unix_ms(NowUnixMs());
  v1::Key result = *key;
  PLUMBAGO_RETURN_IF_ERROR(Commit(std::move(next), absl::StrCat(kKeyPrefix, id), result));
  return WithoutHash(std::move(result));
}

absl::Status Registry::InitialiseTopology(absl::Span<const v1::Shard> shards,
                                          uint32_t replication_factor) {
  if (shards.empty()) return absl::OkStatus();
  return ChangeTopology(
             [&](const v1::TopologySnapshot& topology) -> absl::StatusOr<v1::TopologySnapshot> {
               if (topology.shard().empty()) return FirstTopology(shards, replication_factor);
               PLUMBAGO_RETURN_IF_ERROR(CheckShardsMatch(topology, shards));
               return topology;
             })
      .status();
}

absl::StatusOr<v1::TopologySnapshot> Registry::AddShard(const v1::Shard& shard) {
  return ChangeTopology([&](const auto& topology) { return tenancy::AddShard(topology, shard); });
}

absl::StatusOr<v1::TopologySnapshot> Registry::UpdateShard(const v1::Shard& change) {
  return ChangeTopology(
      [&](const auto& topology) { return tenancy::UpdateShard(topology, change); });
}

absl::StatusOr<v1::TopologySnapshot> Registry::RemoveShard(const std::string& id) {
  return ChangeTopology([&](const auto& topology) { return tenancy::RemoveShard(topology, id); });
}

absl::StatusOr<v1::TopologySnapshot> Registry::AssignSlots(const v1::AssignSlotsRequest& request) {
  return ChangeTopology(
      [&](const auto& topology) { return tenancy::AssignSlots(topology, request); });
}

absl::StatusOr<v1::TopologySnapshot> Registry::ChangeTopology(TopologyChange change) {
  base::MutexLock change_lock(change_mutex_);
  const auto current = Current();
  PLUMBAGO_ASSIGN_OR_RETURN(v1::TopologySnapshot topology, change(current->topology()));
  if (topology.SerializeAsString() == current->topology().SerializeAsString()) return topology;
  topology.set_epoch(current->topology().epoch() + 1);
  v1::Snapshot next = *current;
  *next.mutable_topology() = topology;
  PLUMBAGO_RETURN_IF_ERROR(Commit(std::move(next), std::string(kTopologyKey), topology));
  return topology;
}

absl::Status Registry::Commit(v1::Snapshot next, const std::string& key,
                              const google::protobuf::MessageLite& record) {
  next.set_version(next.version() + 1);
  PLUMBAGO_RETURN_IF_ERROR(kv_.Apply({{key, record.SerializeAsString()},
                                      {std::string(kVersionKey), absl::StrCat(next.version())},
                                      {std::string(kFormatKey), std::string(kFormat)}},
                                     base::KeyValueSync::kDisk));
  {
    base::MutexLock lock(mutex_);
    current_ = std::make_shared<v1::Snapshot>(std::move(next));
  }
  if (listener_) listener_();
  return absl::OkStatus();
}

}  // namespace plumbago::tenancy

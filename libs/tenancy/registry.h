// The tenants, keys and topology of a deployment: the tenant-controller's memory of record.
//
// Durable in a base::KeyValue (docs/formats/registry.md): a change is on the disk before its call
// returns and before anyone sees it. In memory it is one immutable v1::Snapshot, replaced as a
// whole by each change; this is also what every service is sent.
//
// Thread-safe. Changes wait for each other and for the disk, reads for nobody. Errors are those of
// the rules (tenant_rules.h, topology_rules.h), NotFound, AlreadyExists, ResourceExhausted (a named
// limit) and what the KeyValue says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/key_value.h"
#include "base/mutex.h"
#include "base/random.h"
#include "plumbago/v1/tenants.pb.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::tenancy {

class Registry {
 public:
  // Reads everything; creates the tenant `default` in an empty registry. All references must
  // outlive the registry. DataLoss where a record is malformed, FailedPrecondition where a newer
  // release wrote it.
  static absl::StatusOr<std::unique_ptr<Registry>> Open(base::KeyValue& kv, base::Clock& clock,
                                                        base::Random& random);

  // The present state, tenants and keys ordered by id. Shared with whoever is sending it.
  std::shared_ptr<const v1::Snapshot> Current() const;
  // `listener` is called after each change, outside the lock of Current(). Set before the first
  // change; it must outlive the last.
  void SetListener(std::function<void()> listener) { listener_ = std::move(listener); }

  // Tenants. Deleting keeps the record, so that an id is never used again; `default` can be
  // suspended, not deleted. Suspending or deleting twice is no error and no change.
  absl::StatusOr<v1::Tenant> CreateTenant(const v1::CreateTenantRequest& request);
  absl::StatusOr<v1::Tenant> GetTenant(absl::string_view id) const;
  absl::StatusOr<v1::Tenant> UpdateTenant(const v1::UpdateTenantRequest& request);
  absl::StatusOr<v1::Tenant> SuspendTenant(absl::string_view id);
  absl::StatusOr<v1::Tenant> ResumeTenant(absl::string_view id);
  absl::StatusOr<v1::Tenant> DeleteTenant(absl::string_view id);
  // By the rules of policy_rules.h.
  absl::StatusOr<v1::Tenant> SetStoragePolicy(const v1::SetStoragePolicyRequest& request);
  absl::StatusOr<v1::Tenant> SetPrefixQuota(const v1::SetPrefixQuotaRequest& request);

  // Keys. The answer is the only place where the secret ever is; hashes are left out of answers.
  // Revoking twice is no error.
  absl::StatusOr<v1::CreateKeyResponse> CreateKey(const v1::CreateKeyRequest& request);
  absl::StatusOr<std::vector<v1::Key>> ListKeys(absl::string_view tenant) const;
  absl::StatusOr<v1::Key> RevokeKey(absl::string_view id);

  // Topology. InitialiseTopology is for the first start: where there are shards already it checks
  // that these are among them and changes nothing.
  absl::Status InitialiseTopology(absl::Span<const v1::Shard> shards, uint32_t replication_factor);
  absl::StatusOr<v1::TopologySnapshot> AddShard(const v1::Shard& shard);
  absl::StatusOr<v1::TopologySnapshot> UpdateShard(const v1::Shard& change);
  absl::StatusOr<v1::TopologySnapshot> RemoveShard(const std::string& id);
  absl::StatusOr<v1::TopologySnapshot> AssignSlots(const v1::AssignSlotsRequest& request);

 private:
  Registry(base::KeyValue& kv, base::Clock& clock, base::Random& random)
      : kv_(kv), clock_(clock), random_(random) {}

  absl::Status Load();
  absl::Status CreateDefaultTenant();
  absl::StatusOr<v1::Tenant> AddTenant(v1::Tenant tenant)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  using TenantChange = absl::FunctionRef<absl::Status(v1::Tenant&)>;
  absl::StatusOr<v1::Tenant> ChangeTenant(absl::string_view id, TenantChange change);
  using TopologyChange =
      absl::FunctionRef<absl::StatusOr<v1::TopologySnapshot>(const v1::TopologySnapshot&)>;
  absl::StatusOr<v1::TopologySnapshot> ChangeTopology(TopologyChange change);
  // Makes `next`, of which the record at `key` is `record`, durable and then current.
  absl::Status Commit(v1::Snapshot next, const std::string& key,
                      const google::protobuf::MessageLite& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  int64_t NowUnixMs() const { return absl::ToUnixMillis(clock_.Now()); }

  base::KeyValue& kv_;
  base::Clock& clock_;
  base::Random& random_;
  std::function<void()> listener_;  // const after SetListener

  // Held for a whole change, the write to the disk included: each one starts from the result of the
  // one before. Never taken by readers.
  base::Mutex change_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable base::Mutex mutex_;
  std::shared_ptr<const v1::Snapshot> current_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<v1::Snapshot>();
};

}  // namespace plumbago::tenancy

// What a data service knows of the deployment: slot map, tenants and keys, as the tenant-controller
// pushed them last.
//
// A Snapshot is immutable and shared by every thread; a SnapshotHolder has the current one. On disk
// a snapshot has the form of docs/formats/snapshot.md, so that a service starts without the
// controller.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "plumbago/v1/topology.pb.h"
#include "topology/slot_map.h"

namespace plumbago::topology {

// What the holder of a key may do.
struct KeyGrant {
  std::string key_id;                  // public; for logs
  const v1::Tenant* tenant = nullptr;  // lives as long as the snapshot
  std::vector<v1::Key::Scope> scopes;

  bool Allows(v1::Key::Scope scope) const;
};

class Snapshot {
 public:
  // InvalidArgument where the topology is not valid (see SlotMap::FromProto), or a tenant or key is
  // there twice or belongs to no tenant.
  static absl::StatusOr<std::shared_ptr<const Snapshot>> FromProto(v1::Snapshot proto);

  uint64_t version() const { return proto_.version(); }
  // Never null. Shared with whoever routes by it beyond the life of the snapshot.
  const std::shared_ptr<const SlotMap>& slot_map() const { return slot_map_; }
  const v1::Snapshot& proto() const { return proto_; }

  // Null where there is no such tenant.
  const v1::Tenant* FindTenant(absl::string_view id) const;
  // By the SHA-256 (32 bytes) of the whole text of a key. Null where there is no such key or it is
  // revoked. The caller checks scope and the tenant's state.
  const KeyGrant* FindKey(absl::string_view secret_sha256) const;

 private:
  absl::Status ReadTenants();
  absl::Status ReadKeys();

  // All const after FromProto.
  v1::Snapshot proto_;
  std::shared_ptr<const SlotMap> slot_map_;
  absl::flat_hash_map<std::string, const v1::Tenant*> tenants_;
  absl::flat_hash_map<std::string, KeyGrant> keys_;
};

// The current snapshot of a process. Thread-safe, except that only one thread at a time publishes.
class SnapshotHolder {
 public:
  using Listener = std::function<void(const std::shared_ptr<const Snapshot>&)>;

  // Null before the first Publish. Shared: the caller keeps the snapshot for a batch or a request.
  std::shared_ptr<const Snapshot> Get() const;

  // Replaces the current snapshot, also by one with a lower version (the controller's registry was
  // restored: what it says is what holds), then calls the listeners on this thread.
  void Publish(std::shared_ptr<const Snapshot> snapshot);

  // `listener` is called for each snapshot from now on, outside locks, and must outlive the
  // publishing. Registering does not call it.
  void AddListener(Listener listener);

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ ABSL_GUARDED_BY(mutex_);
  std::vector<Listener> listeners_ ABSL_GUARDED_BY(mutex_);
};

// Durable, atomic replacement of `path`.
absl::Status SaveSnapshot(base::FileSystem& file_system, const std::string& path,
                          const Snapshot& snapshot);

// NotFound where there is no file; DataLoss, naming it, where it is damaged; FailedPrecondition
// where a newer release wrote it.
absl::StatusOr<std::shared_ptr<const Snapshot>> LoadSnapshot(base::FileSystem& file_system,
                                                             const std::string& path);

}  // namespace plumbago::topology

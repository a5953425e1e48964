#include "topology/snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::topology {

bool KeyGrant::Allows(v1::Key::Scope scope) const {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

absl::StatusOr<std::shared_ptr<const Snapshot>> Snapshot::FromProto(v1::Snapshot proto) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->proto_ = std::move(proto);
  PLUMBAGO_ASSIGN_OR_RETURN(snapshot->slot_map_, SlotMap::FromProto(snapshot->proto_.topology()));
  PLUMBAGO_RETURN_IF_ERROR(snapshot->ReadTenants());
  PLUMBAGO_RETURN_IF_ERROR(snapshot->ReadKeys());
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

absl::Status Snapshot::ReadTenants() {
  for (const v1::Tenant& tenant : proto_.tenant()) {
    if (!tenants_.emplace(tenant.id(), &tenant).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tenant \"", base::Excerpt(tenant.id()), "\" occurs twice in the snapshot"));
    }
  }
  return absl::OkStatus();
}

absl::Status Snapshot::ReadKeys() {
  for (const v1::Key& key : proto_.key()) {
    if (key.revoked_unix_ms() != 0) continue;
    const v1::Tenant* tenant = FindTenant(key.tenant());
    if (tenant == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("key \"", base::Excerpt(key.id()),
                                                     "\" belongs to unknown tenant \"",
                                                     base::Excerpt(key.tenant()), "\""));
    }
    KeyGrant grant{key.id(), tenant, {}};
    for (const int scope : key.scope()) grant.scopes.push_back(static_cast<v1::Key::Scope>(scope));
    if (!keys_.emplace(key.secret_sha256(), std::move(grant)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("key \"", base::Excerpt(key.id()), "\" has the secret of another key"));
    }
  }
  return absl::OkStatus();
}

const v1::Tenant* Snapshot::FindTenant(absl::string_view id) const {
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : found->second;
}

const KeyGrant* Snapshot::FindKey(absl::string_view secret_sha256) const {
  const auto found = keys_.find(secret_sha256);
  return found == keys_.end() ? nullptr : &found->second;
}

std::shared_ptr<const Snapshot> SnapshotHolder::Get() const {
  base::MutexLock lock(mutex_);
  return current_;
}

void SnapshotHolder::Publish(std::shared_ptr<const Snapshot> snapshot) {
  std::vector<Listener> listeners;
  {
    base::MutexLock lock(mutex_);
    current_ = snapshot;
    listeners = listeners_;
  }
  for (const Listener& listener : listeners) listener(snapshot);
}

void SnapshotHolder::AddListener(Listener listener) {
  base::MutexLock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

}  // namespace plumbago::topology

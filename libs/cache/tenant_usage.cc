#include "cache/tenant_usage.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace plumbago::cache {

TenantUsage::TenantUsage(absl::string_view tenant)
    : name(tenant), hash_seed(base::Hash64(tenant)) {}

TenantUsage& TenantUsages::Of(absl::string_view tenant) {
  base::MutexLock lock(mutex_);
  const auto found = tenants_.find(tenant);
  if (found != tenants_.end()) return *found->second;
  auto usage = std::make_unique<TenantUsage>(tenant);
  const absl::string_view key = usage->name;
  return *tenants_.emplace(key, std::move(usage)).first->second;
}

TenantUsage* TenantUsages::Find(absl::string_view tenant) const {
  base::MutexLock lock(mutex_);
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? nullptr : found->second.get();
}

bool TenantUsages::UpdateShares(size_t excess_bytes, size_t reserve_bytes) {
  base::MutexLock lock(mutex_);
  std::vector<size_t> used;
  size_t total = 0;
  for (const auto& [name, usage] : tenants_) {
    const int64_t now = usage->bytes.load(std::memory_order_relaxed);
    if (now <= 0) continue;
    used.push_back(static_cast<size_t>(now));
    total += used.back();
  }
  const bool has_several = used.size() > 1;
  // One part more, for a tenant that comes before the next look.
  const size_t reserve_each_bytes = reserve_bytes / (used.size() + 1);
  has_several_.store(has_several, std::memory_order_relaxed);
  reserve_each_bytes_.store(static_cast<int64_t>(reserve_each_bytes), std::memory_order_relaxed);
  size_t share = SIZE_MAX;
  if (excess_bytes > 0 && has_several) {
    share = std::max(FairShare(std::move(used), total - std::min(total, excess_bytes)),
                     reserve_each_bytes);
  }
  bool has_any = false;
  for (const auto& [name, usage] : tenants_) {
    const int64_t now = usage->bytes.load(std::memory_order_relaxed);
    const bool is_over_share = now > 0 && static_cast<size_t>(now) > share;
    usage->is_over_share.store(is_over_share, std::memory_order_relaxed);
    has_any = has_any || is_over_share;
  }
  return has_any;
}

size_t FairShare(std::vector<size_t> used, size_t capacity) {
  std::sort(used.begin(), used.end());
  for (size_t i = 0; i < used.size(); ++i) {
    const size_t equal_part = capacity / (used.size() - i);
    if (used[i] > equal_part) return equal_part;
    capacity -= used[i];
  }
  return SIZE_MAX;
}

}  // namespace plumbago::cache

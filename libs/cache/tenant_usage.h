// What each tenant takes of a cache's memory, and whether it is more than its fair share.
//
// Shares are max-min fair: a tenant that needs less than an equal part has what it needs, and the
// others share the rest equally. A reserve is divided among all: who holds less than his part of it
// is within his reserve, and never over his share. Thread-safe. A tenant is remembered for the life
// of the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace plumbago::cache {

struct TenantUsage {
  explicit TenantUsage(absl::string_view tenant);

  const std::string name;
  const uint64_t hash_seed;  // of its metrics
  std::atomic<int64_t> bytes{0};
  std::atomic<bool> is_over_share{false};  // as of the last UpdateShares
};

class TenantUsages {
 public:
  // Made where it is new; lives as long as this object.
  TenantUsage& Of(absl::string_view tenant);
  // Null where nothing was ever held for the tenant.
  TenantUsage* Find(absl::string_view tenant) const;

  // Marks the tenants that have more than their fair share, where all together have to hold
  // `excess_bytes` less than they do, and divides `reserve_bytes`. Whether there are any: none,
  // where nothing is in excess or there is only one tenant, who cannot be unfair to anybody.
  bool UpdateShares(size_t excess_bytes, size_t reserve_bytes);

  // By the division of the last UpdateShares; nobody is before it.
  bool IsWithinReserve(const TenantUsage& usage) const {
    return usage.bytes.load(std::memory_order_relaxed) <
           reserve_each_bytes_.load(std::memory_order_relaxed);
  }
  // As of the last UpdateShares: whether several tenants hold something.
  bool has_several() const { return has_several_.load(std::memory_order_relaxed); }

 private:
  // Relaxed: a look later is soon enough.
  std::atomic<int64_t> reserve_each_bytes_{0};
  std::atomic<bool> has_several_{false};

  mutable base::Mutex mutex_;
  absl::flat_hash_map<absl::string_view, std::unique_ptr<TenantUsage>> tenants_
      ABSL_GUARDED_BY(mutex_);  // keys are their names
};

// The bound that each user has in a max-min fair division of `capacity`: who uses more is over its
// share.
size_t FairShare(std::vector<size_t> used, size_t capacity);

}  // namespace plumbago::cache

// The tenants that a router meets: whether they may write, how fast, and what is to be counted for
// them. One per router, used on its thread only.
//
// Tenants have small numbers that never change, so that a connection or a listener keeps one. Keys
// are looked up by a keyed hash of their text; the text itself is neither kept nor logged. Bounded:
// the tenants that the registry allows, and kKeysCachedMax keys.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/metrics.h"
#include "relay/drop_reason.h"
#include "relay/source.h"
#include "relay/tenant_limiter.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct TenantState {
  std::string id;
  TenantIndex index = 0;
  uint64_t hash_seed = 0;  // of the names in the series table: the same name, another series
  bool is_admitted = true;
  // Points that may come before somebody has to be asked; 0 for who may not write.
  int64_t allowance = 0;
  std::shared_ptr<TenantLimiter> limiter;  // null: no limits
  size_t name_bytes_max = 0;
  std::optional<uint64_t> connections_max;  // nothing: the relay's; 0: no limit

  // To be published.
  bool is_dirty = false;
  std::array<uint64_t, kProtocolCount> received{};
  std::array<base::Counter*, kProtocolCount> received_counters{};  // looked up once
  absl::flat_hash_map<uint32_t, uint64_t> dropped;                 // by protocol and reason
};

// How a key begins, as the tenant-controller makes them.
inline constexpr absl::string_view kKeyPrefix = "pk_";
inline bool BeginsWithKey(absl::string_view metric) { return absl::StartsWith(metric, kKeyPrefix); }

// `text` with the key that it begins with replaced by "pk_***": for logs and answers.
std::string WithoutKey(absl::string_view text);

class TenantTable {
 public:
  static constexpr size_t kKeysCachedMax = 65'536;
  static constexpr int64_t kUnlimited = INT64_MAX;

  // Tenant 0 is `default_tenant`; an empty one refuses. It may write until a snapshot says
  // otherwise. `limiters` may be null. `name_bytes_max` is of tenants that have no limit of their
  // own.
  TenantTable(const std::string& default_tenant, uint64_t seed,
              std::shared_ptr<TenantLimiters> limiters, size_t name_bytes_max);

  // Whether a limit on names has changed, so that known names have to be looked at again.
  enum class Names { kKeep, kLearnAgain };
  [[nodiscard]] Names SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot);

  // Makes an entry for who has none yet. One that the snapshot does not know may not write.
  TenantIndex IndexOf(absl::string_view tenant);
  TenantState& at(TenantIndex index) { return tenants_[index]; }

  // Whether keys exist, revoked ones included: only then names are looked at for one.
  bool has_keys() const { return has_keys_; }
  // The tenant of a key with the scope to write, or null.
  TenantState* OfKey(absl::string_view key);

 private:
  void Refresh(TenantState& tenant);
  size_t NameBytesMax(const v1::Limits& limits) const;

  const uint64_t seed_;
  const size_t name_bytes_max_;
  const std::shared_ptr<TenantLimiters> limiters_;
  std::shared_ptr<const topology::Snapshot> snapshot_;
  bool has_keys_ = false;
  std::deque<TenantState> tenants_;  // entries never move
  absl::flat_hash_map<std::string, TenantIndex> index_;
  static constexpr TenantIndex kNobody = UINT32_MAX;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, TenantIndex> key_cache_;  // by keyed hash
};

}  // namespace plumbago::relay

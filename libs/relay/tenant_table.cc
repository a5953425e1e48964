#include "relay/tenant_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "metric/metric_name.h"

namespace plumbago::relay {

std::string WithoutKey(absl::string_view text) {
  if (!BeginsWithKey(text)) return std::string(text);
  const size_t end = text.find_first_of(". \t;");
  const absl::string_view rest =
      end == absl::string_view::npos ? absl::string_view() : text.substr(end);
  return absl::StrCat(kKeyPrefix, "***", rest);
}

TenantTable::TenantTable(const std::string& default_tenant, uint64_t seed,
                         std::shared_ptr<TenantLimiters> limiters, size_t name_bytes_max)
    : seed_(seed), name_bytes_max_(name_bytes_max), limiters_(std::move(limiters)) {
  IndexOf(default_tenant);
}

TenantTable::Names TenantTable::SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  has_keys_ = snapshot_->proto().key_size() > 0;
  key_cache_.clear();
  Names names = Names::kKeep;
  for (TenantState& tenant : tenants_) {
    const size_t before = tenant.name_bytes_max;
    Refresh(tenant);
    if (tenant.name_bytes_max != before) names = Names::kLearnAgain;
  }
  return names;
}

TenantIndex TenantTable::IndexOf(absl::string_view tenant) {
  if (const auto found = index_.find(tenant); found != index_.end()) return found->second;
  const TenantIndex index = static_cast<TenantIndex>(tenants_.size());
  TenantState& state = tenants_.emplace_back();
  state.id = std::string(tenant);
  state.index = index;
  state.hash_seed = base::Hash128(tenant, seed_).low;
  index_.emplace(state.id, index);
  Refresh(state);
  return index;
}

void TenantTable::Refresh(TenantState& tenant) {
  TenantRates rates;
  if (limiters_ != nullptr) rates = limiters_->defaults();
  tenant.is_admitted = !tenant.id.empty();
  const v1::Tenant* const record =
      snapshot_ == nullptr ? nullptr : snapshot_->FindTenant(tenant.id);
  if (snapshot_ != nullptr) {
    tenant.is_admitted = record != nullptr && record->state() == v1::Tenant::ACTIVE;
  }
  const v1::Limits& limits = record == nullptr ? v1::Limits::default_instance() : record->limits();
  if (limits.has_points_per_second()) rates.points_per_second = limits.points_per_second();
  if (limits.has_new_series_per_second()) {
    rates.new_series_per_second = limits.new_series_per_second();
  }
  tenant.name_bytes_max = NameBytesMax(limits);
  tenant.connections_max.reset();
  if (limits.has_connections()) tenant.connections_max = limits.connections();
  tenant.limiter = limiters_ == nullptr ? nullptr : limiters_->Get(tenant.id, rates);
  tenant.allowance = tenant.is_admitted && tenant.limiter == nullptr ? kUnlimited : 0;
}

size_t TenantTable::NameBytesMax(const v1::Limits& limits) const {
  if (!limits.has_name_bytes_max()) return name_bytes_max_;
  if (limits.name_bytes_max() == 0) return metric::kMetricBytesMax;
  return std::min<uint64_t>(limits.name_bytes_max(), metric::kMetricBytesMax);
}

TenantState* TenantTable::OfKey(absl::string_view key) {
  const base::Hash128Value hash_value = base::Hash128(key, seed_);
  const std::pair<uint64_t, uint64_t> hash(hash_value.low, hash_value.high);
  const auto found = key_cache_.find(hash);
  TenantIndex index = kNobody;
  if (found != key_cache_.end()) {
    index = found->second;
  } else {
    const topology::KeyGrant* const grant =
        snapshot_ == nullptr ? nullptr : snapshot_->FindKey(base::Sha256(key));
    if (grant != nullptr && grant->Allows(v1::Key::INGEST)) index = IndexOf(grant->tenant->id());
    if (key_cache_.size() >= kKeysCachedMax) key_cache_.clear();
    key_cache_.emplace(hash, index);
  }
  return index == kNobody ? nullptr : &tenants_[index];
}

}  // namespace plumbago::relay

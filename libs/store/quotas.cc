#include "store/quotas.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

constexpr absl::string_view kTaggedBranch = "_tagged";

}  // namespace

uint64_t ShareOfLimit(uint64_t limit, uint32_t owned_slots, uint64_t unit) {
  if (limit == 0 || owned_slots >= topology::kSlotCount) return limit;
  const double mean =
      static_cast<double>(limit) * owned_slots / static_cast<double>(topology::kSlotCount);
  // Names fall to slots at random: a Poisson distribution, whose variance is its mean.
  const double share = std::ceil(mean + 3 * std::sqrt(mean * static_cast<double>(unit)));
  if (share >= static_cast<double>(limit)) return limit;
  return std::max(static_cast<uint64_t>(share), std::min(unit, limit));
}

uint32_t OwnedSlots(const topology::SlotMap& slot_map, absl::string_view shard_id,
                    absl::string_view store_address) {
  const auto& shards = slot_map.shards();
  const auto own = std::find_if(shards.begin(), shards.end(), [&](const auto& shard) {
    return shard_id.empty() ? shard.store_address == store_address : shard.id == shard_id;
  });
  if (own == shards.end()) return topology::kSlotCount;
  const auto own_index = static_cast<uint16_t>(own - shards.begin());
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < topology::kSlotCount; ++slot) {
    const auto replicas = slot_map.ReplicasOf(slot);
    count += std::find(replicas.begin(), replicas.end(), own_index) != replicas.end() ? 1 : 0;
  }
  return count;
}

void Quotas::Apply(const topology::Snapshot& snapshot, uint32_t owned_slots) {
  base::MutexLock lock(mutex_);
  owned_slots_ = owned_slots;
  absl::flat_hash_map<std::string, RulesByPrefix> rules;
  for (const v1::Tenant& tenant : snapshot.proto().tenant()) {
    SetRule(tenant.id(), "", tenant.limits().series(), tenant.limits().disk_bytes(), &rules);
    for (const v1::PrefixQuota& quota : tenant.prefix_quota()) {
      SetRule(tenant.id(), quota.prefix(), quota.series(), quota.bytes(), &rules);
    }
  }
  rules_ = std::move(rules);
}

// The rule that was there before goes on, with what is reserved under it.
void Quotas::SetRule(const std::string& tenant, const std::string& prefix, uint64_t series_max,
                     uint64_t bytes_max, absl::flat_hash_map<std::string, RulesByPrefix>* rules) {
  if (series_max == 0 && bytes_max == 0) return;
  RulePointer rule;
  if (const auto known = rules_.find(tenant); known != rules_.end()) {
    if (const auto same = known->second.find(prefix); same != known->second.end()) {
      rule = same->second;
    }
  }
  if (rule == nullptr) rule = std::make_shared<Rule>();
  rule->tenant = tenant;
  rule->prefix = prefix;
  rule->series_max = series_max;
  rule->bytes_max = bytes_max;
  (*rules)[tenant][prefix] = std::move(rule);
}

std::vector<Quotas::State> Quotas::List(absl::string_view tenant) const {
  std::vector<State> states;
  base::MutexLock lock(mutex_);
  for (const auto& [id, rules] : rules_) {
    if (!tenant.empty() && id != tenant) continue;
    for (const auto& [prefix, rule] : rules) {
      const index::Usage usage = index_.UsageOf(id, prefix);
      states.push_back({.tenant = id,
                        .prefix = prefix,
                        .series_max = rule->series_max,
                        .bytes_max = rule->bytes_max,
                        .series_count = usage.series_count,
                        .file_bytes = usage.file_bytes,
                        .refused_count = rule->refused_count});
    }
  }
  std::sort(states.begin(), states.end(), [](const State& a, const State& b) {
    return std::tie(a.tenant, a.prefix) < std::tie(b.tenant, b.prefix);
  });
  return states;
}

// The tenant's own, and one for each branch above the series that has a quota.
std::vector<Quotas::RulePointer> Quotas::RulesOf(const SeriesName& name) const {
  const auto of_tenant = rules_.find(name.tenant());
  if (of_tenant == rules_.end()) return {};
  const RulesByPrefix& rules = of_tenant->second;
  std::vector<RulePointer> found;
  const auto take = [&](absl::string_view prefix) {
    if (const auto rule = rules.find(prefix); rule != rules.end()) found.push_back(rule->second);
  };
  take("");
  if (absl::StrContains(name.metric(), ';')) {
    take(kTaggedBranch);
    return found;
  }
  for (size_t dot = name.metric().find('.'); dot != absl::string_view::npos;
       dot = name.metric().find('.', dot + 1)) {
    take(name.metric().substr(0, dot));
  }
  take(name.metric());
  return found;
}

Quotas::Verdict Quotas::Judge(const Rule& rule, uint64_t file_bytes) const {
  const index::Usage usage = index_.UsageOf(rule.tenant, rule.prefix);
  const auto judge = [](uint64_t used_at_most, uint64_t moving, uint64_t more, uint64_t share) {
    if (share == 0 || used_at_most + more <= share) return Verdict::kFits;
    return used_at_most - moving + more > share ? Verdict::kIsOver : Verdict::kUnclear;
  };
  const Verdict series = judge(usage.series_count + rule.reserved_series, rule.moving_series, 1,
                               ShareOfLimit(rule.series_max, owned_slots_, 1));
  const Verdict bytes = judge(usage.file_bytes + rule.reserved_bytes, rule.moving_bytes, file_bytes,
                              ShareOfLimit(rule.bytes_max, owned_slots_, file_bytes));
  if (series == Verdict::kIsOver || bytes == Verdict::kIsOver) return Verdict::kIsOver;
  return series == Verdict::kFits ? bytes : series;
}

absl::Status Quotas::Refusal(const Rule& rule, uint64_t file_bytes) const {
  const index::Usage usage = index_.UsageOf(rule.tenant, rule.prefix);
  const uint64_t series_share = ShareOfLimit(rule.series_max, owned_slots_, 1);
  const uint64_t series_used = usage.series_count + rule.reserved_series;
  const bool is_series = series_share != 0 && series_used + 1 > series_share;
  const std::string used =
      is_series ? absl::StrCat(series_used, " series of ", series_share)
                : absl::StrCat(usage.file_bytes + rule.reserved_bytes, " bytes of ",
                               ShareOfLimit(rule.bytes_max, owned_slots_, file_bytes),
                               ", and a new file ", file_bytes);
  const std::string limit =
      absl::StrCat(is_series ? rule.series_max : rule.bytes_max, is_series ? " series" : " bytes");
  const std::string of = rule.prefix.empty() ? absl::StrCat("tenant ", rule.tenant)
                                             : absl::StrCat("\"", base::Excerpt(rule.prefix),
                                                            "\" of tenant ", rule.tenant);
  const std::string command =
      rule.prefix.empty()
          ? absl::StrCat("plumbagoctl tenant update ", rule.tenant,
                         is_series ? " --series" : " --disk-bytes")
          : absl::StrCat("plumbagoctl quota set ", rule.tenant, " ", base::Excerpt(rule.prefix),
                         is_series ? " --series" : " --bytes");
  return absl::ResourceExhaustedError(absl::StrCat("over the quota of ", of, ": this store has ",
                                                   used, ", its share of ", limit,
                                                   "; delete series, or raise it with ", command));
}

absl::Status Quotas::Reservations::Add(const SeriesName& name, uint64_t file_bytes) {
  base::MutexLock lock(quotas_.mutex_);
  std::vector<RulePointer> rules = quotas_.RulesOf(name);
  for (size_t i = 0; i < rules.size();) {
    switch (quotas_.Judge(*rules[i], file_bytes)) {
      case Verdict::kFits:
        ++i;
        break;
      case Verdict::kIsOver:
        ++rules[i]->refused_count;
        return quotas_.Refusal(*rules[i], file_bytes);
      case Verdict::kUnclear:
        quotas_.move_ends_.Wait(lock);
        rules = quotas_.RulesOf(name);
        i = 0;  // other writers have gone on meanwhile
        break;
    }
  }
  for (const RulePointer& rule : rules) {
    ++rule->reserved_series;
    rule->reserved_bytes += file_bytes;
  }
  entries_.push_back({.rules = std::move(rules), .file_bytes = file_bytes});
  return absl::OkStatus();
}

void Quotas::Reservations::Undo() {
  PLUMBAGO_CHECK(!entries_.empty());
  base::MutexLock lock(quotas_.mutex_);
  for (const RulePointer& rule : entries_.back().rules) {
    --rule->reserved_series;
    rule->reserved_bytes -= entries_.back().file_bytes;
  }
  entries_.pop_back();
}

void Quotas::Reservations::BeginMove() {
  if (entries_.empty()) return;
  base::MutexLock lock(quotas_.mutex_);
  for (const Entry& entry : entries_) {
    for (const RulePointer& rule : entry.rules) {
      ++rule->moving_series;
      rule->moving_bytes += entry.file_bytes;
    }
  }
}

void Quotas::Reservations::EndMove() {
  if (entries_.empty()) return;
  {
    base::MutexLock lock(quotas_.mutex_);
    for (const Entry& entry : entries_) {
      for (const RulePointer& rule : entry.rules) {
        --rule->moving_series;
        rule->moving_bytes -= entry.file_bytes;
        --rule->reserved_series;
        rule->reserved_bytes -= entry.file_bytes;
      }
    }
  }
  entries_.clear();
  quotas_.move_ends_.NotifyAll();
}

}  // namespace plumbago::store

#include "query/fair_queue.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace plumbago::query {

void FairQueue::Add(uint64_t id, const std::string& tenant, size_t tenant_running_max) {
  Tenant& entry = tenants_[tenant];
  entry.running_max = std::max<size_t>(1, tenant_running_max);
  entry.waiting.push_back(id);
  ++waiting_count_;
}

std::optional<uint64_t> FairQueue::Next() {
  if (running_count_ >= running_max_) return std::nullopt;
  Tenant* next = nullptr;
  for (auto& [name, tenant] : tenants_) {
    if (tenant.waiting.empty() || tenant.running_count >= tenant.running_max) continue;
    const auto rank = [](const Tenant& one) {
      return std::tuple(one.running_count, one.last_turn);
    };
    if (next == nullptr || rank(tenant) < rank(*next)) next = &tenant;
  }
  if (next == nullptr) return std::nullopt;
  const uint64_t id = next->waiting.front();
  next->waiting.pop_front();
  next->last_turn = ++turn_;
  ++next->running_count;
  ++running_count_;
  --waiting_count_;
  return id;
}

bool FairQueue::Remove(uint64_t id, const std::string& tenant) {
  const auto entry = tenants_.find(tenant);
  if (entry == tenants_.end()) return false;
  std::deque<uint64_t>& waiting = entry->second.waiting;
  const auto place = std::find(waiting.begin(), waiting.end(), id);
  if (place == waiting.end()) return false;
  waiting.erase(place);
  --waiting_count_;
  ForgetIfIdle(entry);
  return true;
}

void FairQueue::Finish(const std::string& tenant) {
  const auto entry = tenants_.find(tenant);
  PLUMBAGO_CHECK(entry != tenants_.end() && entry->second.running_count > 0);
  --entry->second.running_count;
  --running_count_;
  ForgetIfIdle(entry);
}

size_t FairQueue::RunningOf(const std::string& tenant) const {
  const auto entry = tenants_.find(tenant);
  return entry == tenants_.end() ? 0 : entry->second.running_count;
}

void FairQueue::ForgetIfIdle(std::map<std::string, Tenant>::iterator entry) {
  if (entry->second.waiting.empty() && entry->second.running_count == 0) tenants_.erase(entry);
}

}  // namespace plumbago::query

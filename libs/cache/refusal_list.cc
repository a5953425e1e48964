#include "cache/refusal_list.h"

namespace plumbago::cache {

void RefusalList::Add(absl::string_view tenant, absl::string_view metric,
                      const RefusedSeries& refusal, absl::Time now) {
  Name name{std::string(tenant), std::string(metric)};
  base::MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
  } else {
    if (entries_.size() == kSeriesMax) {
      by_name_.erase(Name{entries_.back().tenant, entries_.back().metric});
      entries_.pop_back();
    }
    entries_.push_front(
        {.tenant = name.first, .metric = name.second, .refusal = {}, .last_at = {}});
    by_name_.emplace(std::move(name), entries_.begin());
  }
  Entry& entry = entries_.front();
  const uint32_t points_before = entry.refusal.point_count;
  entry.refusal = refusal;
  entry.refusal.point_count += points_before;
  ++entry.count;
  entry.last_at = now;
}

std::vector<RefusalList::Entry> RefusalList::Get() const {
  base::MutexLock lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

}  // namespace plumbago::cache

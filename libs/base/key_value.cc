#include "base/key_value.h"

#include "absl/strings/match.h"

namespace plumbago::base {

absl::StatusOr<std::string> MemoryKeyValue::Get(absl::string_view key) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(std::string(key));
  if (entry == entries_.end()) return absl::NotFoundError("no such key");
  return entry->second;
}

absl::Status MemoryKeyValue::Apply(const std::vector<KeyValueChange>& changes, KeyValueSync) {
  MutexLock lock(mutex_);
  for (const KeyValueChange& change : changes) {
    if (change.is_removal) {
      entries_.erase(change.key);
    } else {
      entries_[change.key] = change.value;
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryKeyValue::Scan(absl::string_view prefix, const Visitor& visit) {
  std::map<std::string, std::string> copy;  // a visitor may call back
  {
    MutexLock lock(mutex_);
    copy = entries_;
  }
  for (auto entry = copy.lower_bound(std::string(prefix)); entry != copy.end(); ++entry) {
    if (!absl::StartsWith(entry->first, prefix) || !visit(entry->first, entry->second)) break;
  }
  return absl::OkStatus();
}

}  // namespace plumbago::base

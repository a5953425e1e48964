#include "index/internal/name_pool.h"

#include "base/hash.h"

namespace plumbago::index::internal {

size_t NamePool::Hash::operator()(absl::string_view text) const { return base::Hash64(text); }

uint32_t NamePool::Acquire(absl::string_view name) {
  uint32_t id = Find(name);
  if (id == kNone) {
    if (free_.empty()) {
      id = static_cast<uint32_t>(names_.size());
      names_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    names_[id].text = std::string(name);
    ids_.insert(id);
  }
  ++names_[id].references;
  return id;
}

void NamePool::Release(uint32_t id) {
  if (--names_[id].references > 0) return;
  ids_.erase(id);
  names_[id].text = std::string();
  free_.push_back(id);
}

uint32_t NamePool::Find(absl::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? kNone : *found;
}

}  // namespace plumbago::index::internal

#include "index/internal/name_pool.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace plumbago::index::internal {

uint64_t NamePool::HashOf(uint32_t id) const { return base::Hash64(Text(id)); }

uint32_t NamePool::Acquire(absl::string_view name) {
  const uint64_t hash = base::Hash64(name);
  uint32_t id = FindHashed(hash, name);
  if (id == kNone) {
    if (free_.empty()) {
      id = names_.Append();
      PLUMBAGO_CHECK(id < kNamesMax);
    } else {
      id = free_.back();
      free_.pop_back();
    }
    Name& added = names_[id];
    added.text = std::make_unique<char[]>(name.size());
    std::copy(name.begin(), name.end(), added.text.get());
    added.size = static_cast<uint32_t>(name.size());
    ids_.Insert(hash, id);
  }
  ++names_[id].references;
  return id;
}

void NamePool::Release(uint32_t id) {
  Name& name = names_[id];
  if (--name.references > 0) return;
  ids_.Erase(HashOf(id), id);
  name.text.reset();
  name.size = 0;
  free_.push_back(id);
}

uint32_t NamePool::Find(absl::string_view name) const {
  return FindHashed(base::Hash64(name), name);
}

uint32_t NamePool::FindHashed(uint64_t hash, absl::string_view name) const {
  return ids_.Find(hash, [&](uint32_t id) { return Text(id) == name; });
}

}  // namespace plumbago::index::internal

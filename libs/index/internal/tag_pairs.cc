#include "index/internal/tag_pairs.h"

#include "base/check.h"
#include "index/internal/mix.h"

namespace plumbago::index::internal {

TagPairs::TagPairs() : ids_(*this), tags_(ByText{&texts_}) {}

uint32_t TagPairs::Acquire(absl::string_view tag, absl::string_view value) {
  const uint32_t tag_text = texts_.Acquire(tag);
  const uint32_t value_text = texts_.Acquire(value);
  uint32_t id = FindByTexts(tag_text, value_text);
  auto owner = tags_.find(tag_text);
  if (id == kNone) {
    if (free_pairs_.empty()) {
      id = pairs_.Append();
      PLUMBAGO_CHECK(id != kNone);
    } else {
      id = free_pairs_.back();
      free_pairs_.pop_back();
    }
    Pair& added = pairs_[id];
    added.tag = tag_text;
    added.value = value_text;
    ids_.Insert(HashOf(id), id);
    if (owner == tags_.end()) {
      Tag empty{.series_count = 0, .pairs = absl::btree_set<uint32_t, ByValue>(ByValue{this})};
      owner = tags_.emplace(tag_text, std::move(empty)).first;
    }
    owner->second.pairs.insert(id);
  } else {
    texts_.Release(tag_text);
    texts_.Release(value_text);
  }
  ++owner->second.series_count;
  ++pairs_[id].series_count;
  return id;
}

bool TagPairs::Release(uint32_t id) {
  Pair& pair = pairs_[id];
  const auto owner = tags_.find(pair.tag);
  --owner->second.series_count;
  if (--pair.series_count > 0) return false;
  ++removal_count_;
  owner->second.pairs.erase(id);
  if (owner->second.pairs.empty()) tags_.erase(owner);
  ids_.Erase(HashOf(id), id);
  texts_.Release(pair.tag);
  texts_.Release(pair.value);
  free_pairs_.push_back(id);
  return true;
}

uint32_t TagPairs::Find(absl::string_view tag, absl::string_view value) const {
  const uint32_t tag_text = texts_.Find(tag);
  if (tag_text == NamePool::kNone) return kNone;
  const uint32_t value_text = texts_.Find(value);
  return value_text == NamePool::kNone ? kNone : FindByTexts(tag_text, value_text);
}

const TagPairs::Tag* TagPairs::FindTag(absl::string_view tag) const {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? nullptr : &found->second;
}

uint32_t TagPairs::FindByTexts(uint32_t tag, uint32_t value) const {
  return ids_.Find(HashOfPair(tag, value),
                   [&](uint32_t id) { return pairs_[id].tag == tag && pairs_[id].value == value; });
}

uint64_t TagPairs::HashOfPair(uint32_t tag, uint32_t value) { return MixPair(tag, value); }

}  // namespace plumbago::index::internal

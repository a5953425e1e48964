#include "index/internal/name_tree.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "base/check.h"

namespace plumbago::index::internal {
namespace {

constexpr uint32_t kNodesMax = 1u << 31;

}  // namespace

bool NameTree::Add(absl::string_view metric) {
  uint32_t node = kRoot;
  for (const absl::string_view name : absl::StrSplit(metric, '.')) {
    node = FindOrAddChild(node, name);
  }
  if (IsLeaf(node)) return false;
  nodes_[node].is_leaf = 1;
  return true;
}

bool NameTree::Remove(absl::string_view metric) {
  uint32_t node = FindNode(metric);
  if (node == kNone || !IsLeaf(node)) return false;
  nodes_[node].is_leaf = 0;
  while (node != kRoot && !IsLeaf(node) && !IsBranch(node)) {
    const uint32_t parent = nodes_[node].parent;
    RemoveNode(node);
    node = parent;
  }
  return true;
}

bool NameTree::Contains(absl::string_view metric) const {
  const uint32_t node = FindNode(metric);
  return node != kNone && IsLeaf(node);
}

uint32_t NameTree::FindNode(absl::string_view metric) const {
  uint32_t node = kRoot;
  for (const absl::string_view name : absl::StrSplit(metric, '.')) {
    node = FindChild(node, name);
    if (node == kNone) return kNone;
  }
  return node;
}

uint32_t NameTree::FindChild(uint32_t node, absl::string_view name) const {
  const uint32_t name_id = names_.Find(name);
  if (name_id == kNone) return kNone;
  const auto found = children_.find(ChildKey{node, name_id});
  return found == children_.end() ? kNone : *found;
}

uint32_t NameTree::FindOrAddChild(uint32_t parent, absl::string_view name) {
  const uint32_t found = FindChild(parent, name);
  if (found != kNone) return found;
  uint32_t node = static_cast<uint32_t>(nodes_.size());
  if (free_nodes_.empty()) {
    PLUMBAGO_CHECK(node < kNodesMax);
    nodes_.emplace_back();
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  }
  Node& added = nodes_[node];
  added.name = names_.Acquire(name);
  added.parent = parent & (kNodesMax - 1);
  added.next_sibling = nodes_[parent].first_child;
  if (added.next_sibling != kNone) nodes_[added.next_sibling].previous_sibling = node;
  nodes_[parent].first_child = node;
  children_.insert(node);
  return node;
}

void NameTree::RemoveNode(uint32_t node) {
  children_.erase(node);
  const Node removed = std::exchange(nodes_[node], Node());
  if (removed.next_sibling != kNone) {
    nodes_[removed.next_sibling].previous_sibling = removed.previous_sibling;
  }
  if (removed.previous_sibling != kNone) {
    nodes_[removed.previous_sibling].next_sibling = removed.next_sibling;
  } else {
    nodes_[removed.parent].first_child = removed.next_sibling;
  }
  names_.Release(removed.name);
  free_nodes_.push_back(node);
}

}  // namespace plumbago::index::internal

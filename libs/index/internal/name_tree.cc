#include "index/internal/name_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "base/check.h"
#include "index/internal/mix.h"

namespace plumbago::index::internal {
namespace {

// So many children are looked through; more are found by the table.
constexpr size_t kListedChildrenMax = 4;
// So many children are asked for another one with the time of one that goes.
constexpr size_t kChildrenAskedMax = 32;

}  // namespace

NameTree::NameTree() : children_(*this) {
  nodes_.Append();
  totals_.Append();
}

bool NameTree::Add(absl::string_view metric, const SeriesInfo& info) {
  const uint32_t node = FindOrAddPath(metric);
  if (IsLeaf(node)) return false;
  nodes_[node].is_leaf = 1;
  if (IsBranch(node)) branch_infos_[node] = info;
  AddTotals(node, info);
  return true;
}

bool NameTree::Remove(absl::string_view metric) {
  uint32_t node = FindNode(metric);
  if (node == kNone || !IsLeaf(node)) return false;
  const SeriesInfo info = InfoOf(node);
  nodes_[node].is_leaf = 0;
  branch_infos_.erase(node);
  SubtractTotals(node, info);
  while (node != kRoot && !IsLeaf(node) && !IsBranch(node)) {
    const uint32_t parent = nodes_[node].parent;
    Unlink(node);
    node = parent;
  }
  return true;
}

bool NameTree::Update(absl::string_view metric, const SeriesInfo& info) {
  const uint32_t node = FindNode(metric);
  if (node == kNone || !IsLeaf(node)) return false;
  const SeriesInfo before = InfoOf(node);
  if (IsBranch(node)) branch_infos_[node] = info;
  // In this order a later time settles what the earlier one leaves unsettled.
  SubtractTotals(node, before);
  AddTotals(node, info);
  return true;
}

std::optional<SeriesInfo> NameTree::Get(absl::string_view metric) const {
  const uint32_t node = FindNode(metric);
  if (node == kNone || !IsLeaf(node)) return std::nullopt;
  return InfoOf(node);
}

bool NameTree::Contains(absl::string_view metric) const {
  const uint32_t node = FindNode(metric);
  return node != kNone && IsLeaf(node);
}

uint32_t NameTree::FindNode(absl::string_view path) const {
  uint32_t node = kRoot;
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    const uint32_t name_id = names_.Find(name);
    if (name_id == kNone) return kNone;
    node = FindChild(node, name_id);
    if (node == kNone) return kNone;
  }
  return node;
}

uint32_t NameTree::FindChild(uint32_t node, uint32_t name_id) const {
  if (nodes_[node].has_table != 0) {
    return children_.Find(HashOfChild(node, name_id), [&](uint32_t child) {
      return nodes_[child].parent == node && nodes_[child].name == name_id;
    });
  }
  uint32_t child = FirstChild(node);
  while (child != kNone && nodes_[child].name != name_id) child = NextSibling(child);
  return child;
}

uint64_t NameTree::HashOfChild(uint32_t parent, uint32_t name_id) {
  return MixPair(parent, name_id);
}

uint32_t NameTree::FindOrAddPath(absl::string_view metric) {
  const size_t common_size = static_cast<size_t>(
      std::mismatch(metric.begin(), metric.end(), last_metric_.begin(), last_metric_.end()).first -
      metric.begin());
  const auto ends_at = [](absl::string_view name, size_t end) {
    return end == name.size() || name[end] == '.';
  };
  while (!last_path_.empty() && !(last_path_.back().name_end <= common_size &&
                                  ends_at(metric, last_path_.back().name_end))) {
    last_path_.pop_back();
  }
  uint32_t node = last_path_.empty() ? kRoot : last_path_.back().node;
  size_t begin = last_path_.empty() ? 0 : last_path_.back().name_end + 1;
  while (begin <= metric.size()) {
    const size_t end = std::min(metric.find('.', begin), metric.size());
    node = FindOrAddChild(node, metric.substr(begin, end - begin));
    last_path_.push_back({end, node});
    begin = end + 1;
  }
  last_metric_.assign(metric.data(), metric.size());
  return node;
}

uint32_t NameTree::FindOrAddChild(uint32_t parent, absl::string_view name) {
  const uint32_t name_id = names_.Acquire(name);
  const uint32_t found = FindChild(parent, name_id);
  if (found != kNone) {
    names_.Release(name_id);
    return found;
  }
  if (IsLeaf(parent) && !IsBranch(parent)) branch_infos_[parent] = InfoOf(parent);
  uint32_t node;
  if (free_nodes_.empty()) {
    node = nodes_.Append();
    totals_.Append();
    PLUMBAGO_CHECK(node != kNone);
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  }
  nodes_[node].name = name_id & (NamePool::kNamesMax - 1);
  Link(parent, node);
  return node;
}

void NameTree::Link(uint32_t parent, uint32_t node) {
  Node& added = nodes_[node];
  added.parent = parent;
  added.next_sibling = FirstChild(parent);
  if (added.next_sibling != kNone) nodes_[added.next_sibling].previous_sibling = node;
  nodes_[parent].first_child = node;
  if (nodes_[parent].has_table != 0) return children_.Insert(HashOf(node), node);
  size_t count = 0;
  for (uint32_t child = node; child != kNone; child = NextSibling(child)) ++count;
  if (count <= kListedChildrenMax) return;
  nodes_[parent].has_table = 1;
  for (uint32_t child = node; child != kNone; child = NextSibling(child)) {
    children_.Insert(HashOf(child), child);
  }
}

void NameTree::Unlink(uint32_t node) {
  ++removal_count_;
  last_path_.clear();
  const uint32_t parent = nodes_[node].parent;
  if (nodes_[parent].has_table != 0) children_.Erase(HashOf(node), node);
  const Node removed = std::exchange(nodes_[node], Node());
  totals_[node] = {};
  if (removed.next_sibling != kNone) {
    nodes_[removed.next_sibling].previous_sibling = removed.previous_sibling;
  }
  if (removed.previous_sibling != kNone) {
    nodes_[removed.previous_sibling].next_sibling = removed.next_sibling;
  } else {
    nodes_[parent].first_child = removed.next_sibling;
  }
  if (!IsBranch(parent)) {
    nodes_[parent].has_table = 0;
    if (IsLeaf(parent)) BecomeLeafOnly(parent);
  }
  names_.Release(removed.name);
  free_nodes_.push_back(node);
}

// The sums of a leaf without children are its info.
void NameTree::BecomeLeafOnly(uint32_t node) {
  totals_[node].last_update_unix_seconds = branch_infos_.at(node).last_update_unix_seconds;
  nodes_[node].is_unsettled = 0;
  branch_infos_.erase(node);
}

SeriesInfo NameTree::InfoOf(uint32_t node) const {
  if (IsBranch(node)) return branch_infos_.at(node);
  return {totals_[node].file_bytes, totals_[node].last_update_unix_seconds};
}

void NameTree::AddTotals(uint32_t leaf, const SeriesInfo& info) {
  for (uint32_t node = leaf; node != kNone; node = nodes_[node].parent) {
    Totals& totals = totals_[node];
    ++totals.series_count;
    totals.file_bytes += info.file_bytes;
    if (info.last_update_unix_seconds < totals.last_update_unix_seconds) continue;
    totals.last_update_unix_seconds = info.last_update_unix_seconds;
    nodes_[node].is_unsettled = 0;
  }
}

// The latest time of a branch is not kept sorted: where the series that had it goes, another with
// the same time is looked for among a few children, and else the branch is left unsettled.
void NameTree::SubtractTotals(uint32_t leaf, const SeriesInfo& info) {
  bool may_be_latest = true;
  for (uint32_t node = leaf; node != kNone; node = nodes_[node].parent) {
    Totals& totals = totals_[node];
    --totals.series_count;
    totals.file_bytes -= info.file_bytes;
    if (totals.series_count == 0) {
      totals.last_update_unix_seconds = 0;
      nodes_[node].is_unsettled = 0;
      continue;
    }
    may_be_latest = may_be_latest &&
                    totals.last_update_unix_seconds == info.last_update_unix_seconds &&
                    !HasOneUpdatedAt(node, info.last_update_unix_seconds);
    if (may_be_latest) nodes_[node].is_unsettled = 1;
  }
}

bool NameTree::HasOneUpdatedAt(uint32_t node, uint32_t unix_seconds) const {
  if (unix_seconds == 0) return true;  // there is no earlier time
  if (IsLeaf(node) && InfoOf(node).last_update_unix_seconds == unix_seconds) return true;
  uint32_t child = FirstChild(node);
  for (size_t asked = 0; child != kNone && asked < kChildrenAskedMax; ++asked) {
    if (totals_[child].last_update_unix_seconds == unix_seconds && IsSettled(child)) return true;
    child = NextSibling(child);
  }
  return false;
}

Usage NameTree::UsageOf(uint32_t node) const {
  return {totals_[node].series_count, totals_[node].file_bytes, LastUpdateOf(node)};
}

uint32_t NameTree::LastUpdateOf(uint32_t node) const {
  if (IsSettled(node)) return totals_[node].last_update_unix_seconds;
  uint32_t latest = IsLeaf(node) ? InfoOf(node).last_update_unix_seconds : 0;
  for (uint32_t child = FirstChild(node); child != kNone; child = NextSibling(child)) {
    if (totals_[child].last_update_unix_seconds > latest) {
      latest = std::max(latest, LastUpdateOf(child));
    }
  }
  return latest;
}

void NameTree::Settle(uint32_t node) {
  if (IsSettled(node)) return;
  for (uint32_t child = FirstChild(node); child != kNone; child = NextSibling(child)) Settle(child);
  totals_[node].last_update_unix_seconds = LastUpdateOf(node);
  nodes_[node].is_unsettled = 0;
}

}  // namespace plumbago::index::internal

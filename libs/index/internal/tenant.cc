#include "index/internal/tenant.h"

#include <algorithm>

namespace plumbago::index::internal {

Usage Tenant::UsageOf(absl::string_view prefix) const {
  if (prefix == kTaggedBranch) return tagged.TotalUsage();
  if (IsTagged(prefix)) {
    const auto info = tagged.Get(prefix);
    return info ? Usage{1, info->file_bytes, info->last_update_unix_seconds} : Usage();
  }
  if (!prefix.empty()) {
    const uint32_t node = tree.FindNode(prefix);
    return node == NameTree::kNone ? Usage() : tree.UsageOf(node);
  }
  const Usage dotted = tree.UsageOf(NameTree::kRoot);
  const Usage tags = tagged.TotalUsage();
  return {dotted.series_count + tags.series_count, dotted.file_bytes + tags.file_bytes,
          std::max(dotted.last_update_unix_seconds, tags.last_update_unix_seconds)};
}

bool Tenant::IsSettled(absl::string_view prefix) const {
  if (prefix == kTaggedBranch) return tagged.is_settled();
  if (IsTagged(prefix)) return true;
  if (prefix.empty()) return tagged.is_settled() && tree.IsSettled(NameTree::kRoot);
  const uint32_t node = tree.FindNode(prefix);
  return node == NameTree::kNone || tree.IsSettled(node);
}

void Tenant::Settle(absl::string_view prefix) {
  if (prefix.empty() || prefix == kTaggedBranch) tagged.Settle();
  if (prefix.empty()) return tree.Settle(NameTree::kRoot);
  const uint32_t node = IsTagged(prefix) ? NameTree::kNone : tree.FindNode(prefix);
  if (node != NameTree::kNone) tree.Settle(node);
}

}  // namespace plumbago::index::internal

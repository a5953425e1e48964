// What SeriesIndex answers; its changes are in series_index.cc.
#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/internal/pattern.h"
#include "index/internal/tenant.h"
#include "index/series_index.h"
#include "metric/glob.h"

namespace plumbago::index {
namespace {

// Searches that removals interrupt so often are then done in one go.
constexpr int kSearchTriesMax = 3;

absl::Status TooMany(absl::string_view pattern, size_t nodes_max) {
  return absl::ResourceExhaustedError(absl::StrCat("pattern \"", base::Excerpt(pattern),
                                                   "\" matches more than ", nodes_max,
                                                   " nodes; make it narrower"));
}

// Searches the tree and lets changes in between; where they make it necessary, calls `start` and
// begins anew. False: `visit` has said that there are too many.
template <typename Start, typename Visit>
bool SearchTenant(const internal::Tenant& tenant, absl::Span<const metric::Glob> globs,
                  const Start& start, const Visit& visit) {
  for (int tries = 1;; ++tries) {
    start();
    base::ReaderLock lock(tenant.mutex);
    const internal::NameTree& tree = tenant.locked_tree();
    const uint64_t removal_count = tree.removal_count();
    const auto visit_node = [&](uint32_t node, const std::string& path) {
      return visit(tree, node, path);
    };
    const auto pause = [&] {
      if (tries > kSearchTriesMax) return true;
      tenant.LetWritersPass();
      return tree.removal_count() == removal_count;
    };
    const internal::SearchResult result =
        internal::SearchTree(tree, globs, {.visit = visit_node, .pause = pause});
    if (result != internal::SearchResult::kInterrupted) {
      return result == internal::SearchResult::kComplete;
    }
  }
}

// The lines of DiskUsage. Each call returns false where there are more than the most.
class UsageCollector {
 public:
  UsageCollector(size_t depth, size_t branches_max) : depth_(depth), branches_max_(branches_max) {}

  void Clear() { lines_.clear(); }

  bool Add(std::string path, const Usage& usage, bool is_leaf) {
    if (usage.series_count == 0) return true;
    lines_.insert_or_assign(std::move(path), Line{usage, is_leaf});
    return lines_.size() <= branches_max_;
  }

  bool Collect(const internal::NameTree& tree, uint32_t node, const std::string& path) {
    return Collect(tree, node, path, 0);
  }

  bool CollectAll(const internal::Tenant& tenant) ABSL_SHARED_LOCKS_REQUIRED(tenant.mutex) {
    if (!Add("", tenant.UsageOf(""), false)) return false;
    if (depth_ == 0) return true;
    const std::string tagged(internal::kTaggedBranch);
    return Add(tagged, tenant.UsageOf(tagged), false) &&
           CollectChildren(tenant.tree, internal::NameTree::kRoot, "", 0);
  }

  std::vector<BranchUsage> Finish() {
    std::vector<BranchUsage> branches;
    for (const auto& [path, line] : lines_) branches.push_back({path, line.usage, line.is_leaf});
    std::sort(branches.begin(), branches.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return branches;
  }

 private:
  struct Line {
    Usage usage;
    bool is_leaf;
  };

  bool Collect(const internal::NameTree& tree, uint32_t node, const std::string& path,
               size_t level) {
    if (!Add(path, tree.UsageOf(node), !tree.IsBranch(node))) return false;
    return level == depth_ || CollectChildren(tree, node, path + ".", level);
  }

  bool CollectChildren(const internal::NameTree& tree, uint32_t node, const std::string& prefix,
                       size_t level) {
    for (uint32_t child = tree.FirstChild(node); child != internal::NameTree::kNone;
         child = tree.NextSibling(child)) {
      if (!Collect(tree, child, absl::StrCat(prefix, tree.NameOf(child)), level + 1)) return false;
    }
    return true;
  }

  const size_t depth_;
  const size_t branches_max_;
  absl::flat_hash_map<std::string, Line> lines_;  // by path
};

}  // namespace

bool SeriesIndex::Contains(absl::string_view tenant_id, absl::string_view metric) const {
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return false;
  base::ReaderLock lock(tenant->mutex);
  return tenant->Contains(metric);
}

std::optional<SeriesInfo> SeriesIndex::Get(absl::string_view tenant_id,
                                           absl::string_view metric) const {
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::nullopt;
  base::ReaderLock lock(tenant->mutex);
  return tenant->Get(metric);
}

Usage SeriesIndex::UsageOf(absl::string_view tenant_id, absl::string_view prefix) const {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return {};
  {
    base::ReaderLock lock(tenant->mutex);
    if (tenant->IsSettled(prefix)) return tenant->UsageOf(prefix);
  }
  base::WriterLock lock(tenant->mutex);
  tenant->Settle(prefix);
  return tenant->UsageOf(prefix);
}

absl::StatusOr<std::vector<Node>> SeriesIndex::Find(absl::string_view tenant_id,
                                                    absl::string_view pattern,
                                                    size_t max_matches) const {
  if (internal::IsTagged(pattern)) {
    if (!Contains(tenant_id, pattern)) return std::vector<Node>();
    return std::vector<Node>{{std::string(pattern), true}};
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const auto globs, internal::CompilePattern(pattern));
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<Node>();
  std::vector<Node> nodes;
  const auto visit = [&](const internal::NameTree& tree, uint32_t node, const std::string& path) {
    if (tree.IsBranch(node)) nodes.push_back({path, false});
    if (tree.IsLeaf(node)) nodes.push_back({path, true});
    return nodes.size() <= max_matches;
  };
  const bool is_complete = SearchTenant(
      *tenant, globs, [&] { nodes.clear(); }, visit);
  if (!is_complete) return TooMany(pattern, max_matches);
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.path, a.is_leaf) < std::tie(b.path, b.is_leaf);
  });
  return nodes;
}

absl::StatusOr<std::vector<BranchUsage>> SeriesIndex::DiskUsage(absl::string_view tenant_id,
                                                                absl::string_view pattern,
                                                                size_t depth,
                                                                size_t max_branches) const {
  std::vector<metric::Glob> globs;
  if (!pattern.empty() && !internal::IsTagged(pattern)) {
    PLUMBAGO_ASSIGN_OR_RETURN(globs, internal::CompilePattern(pattern));
  }
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<BranchUsage>();
  UsageCollector collector(depth, max_branches);
  const auto start = [&] { collector.Clear(); };
  const auto visit = [&](const internal::NameTree& tree, uint32_t node, const std::string& path) {
    return collector.Collect(tree, node, path);
  };
  bool is_complete = true;
  if (pattern.empty()) {
    base::ReaderLock lock(tenant->mutex);
    is_complete = collector.CollectAll(*tenant);
  } else if (internal::IsTagged(pattern)) {
    is_complete = collector.Add(std::string(pattern), UsageOf(tenant_id, pattern), true);
  } else {
    is_complete = SearchTenant(*tenant, globs, start, visit);
    if (is_complete && metric::MatchesPath(globs, internal::kTaggedBranch)) {
      const std::string tagged(internal::kTaggedBranch);
      is_complete = collector.Add(tagged, UsageOf(tenant_id, tagged), false);
    }
  }
  if (!is_complete) return TooMany(pattern, max_branches);
  return collector.Finish();
}

std::vector<std::string> SeriesIndex::Tenants() const {
  std::vector<std::string> ids;
  base::ReaderLock lock(tenants_mutex_);
  for (const auto& [id, tenant] : tenants_) {
    base::ReaderLock tenant_lock(tenant->mutex);  // nobody takes them in the other order
    if (!tenant->is_empty()) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace plumbago::index

// What SeriesIndex answers; its changes are in series_index.cc.
#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/internal/record.h"
#include "index/internal/tenant.h"
#include "index/series_index.h"
#include "metric/glob.h"

namespace plumbago::index {
namespace {

// Searches that removals interrupt so often are then done in one go.
constexpr int kSearchTriesMax = 3;

}  // namespace

bool SeriesIndex::Contains(absl::string_view tenant_id, absl::string_view metric) const {
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return false;
  base::ReaderLock lock(tenant->mutex);
  return tenant->Contains(metric);
}

std::optional<SeriesInfo> SeriesIndex::Get(absl::string_view tenant_id,
                                           absl::string_view metric) const {
  Tenant* tenant = FindTenant(tenant_id);
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
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<metric::Glob> globs, metric::CompilePath(pattern));
  if (globs.back().is_globstar()) {  // everything below
    PLUMBAGO_ASSIGN_OR_RETURN(metric::Glob any, metric::Glob::Compile("*"));
    globs.push_back(std::move(any));
  }
  Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<Node>();
  std::vector<Node> nodes;
  internal::SearchResult result = internal::SearchResult::kInterrupted;
  for (int tries = 1; result == internal::SearchResult::kInterrupted; ++tries) {
    nodes.clear();
    base::ReaderLock lock(tenant->mutex);
    const auto pause = [&, removal_count = tenant->tree.removal_count()] {
      return tries > kSearchTriesMax || tenant->PauseSearch(removal_count);
    };
    result = internal::FindInTree(tenant->tree, globs, max_matches, pause, nodes);
  }
  if (result == internal::SearchResult::kTooMany) {
    return absl::ResourceExhaustedError(absl::StrCat("pattern \"", base::Excerpt(pattern),
                                                     "\" matches more than ", max_matches,
                                                     " nodes; make it narrower"));
  }
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.path, a.is_leaf) < std::tie(b.path, b.is_leaf);
  });
  return nodes;
}

absl::Status SeriesIndex::ListSeries(absl::string_view tenant,
                                     absl::FunctionRef<bool(absl::string_view)> visit) const {
  const std::string prefix = internal::TenantPrefix(tenant);
  return kv_.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    return visit(key.substr(prefix.size()));
  });
}

std::vector<std::string> SeriesIndex::Tenants() const {
  std::vector<std::string> ids;
  base::ReaderLock lock(tenants_mutex_);
  for (const auto& [id, tenant] : tenants_) {
    base::ReaderLock tenant_lock(tenant->mutex);  // nobody takes them in the other order
    if (tenant->UsageOf("").series_count > 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace plumbago::index

// What SeriesIndex answers about tags.
#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/internal/tag_search.h"
#include "index/internal/tenant.h"
#include "index/series_index.h"

namespace plumbago::index {
namespace {

using internal::TagIndex;
using internal::TagPairs;
using metric::ParseTagExpressions;
using metric::TagExpression;

// Counts texts; in byte order they are the answer.
class Completions {
 public:
  explicit Completions(absl::string_view prefix) : prefix_(prefix) {}

  void Count(absl::string_view text) {
    if (text.empty() || !absl::StartsWith(text, prefix_)) return;
    const auto found = counts_.find(text);
    if (found == counts_.end()) {
      counts_.emplace(text, 1);
    } else {
      ++found->second;
    }
  }

  std::vector<TagCount> Finish(size_t count_max) const {
    std::vector<TagCount> entries;
    for (const auto& [text, count] : counts_) entries.push_back({text, count});
    const size_t kept = std::min(count_max, entries.size());
    std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(kept),
                      entries.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
    entries.resize(kept);
    return entries;
  }

 private:
  const absl::string_view prefix_;
  absl::flat_hash_map<std::string, uint64_t> counts_;
};

// Calls `visit` for each series that matches, under the tenant's lock, which is let go now and
// then.
template <typename Visit>
void SearchTags(const internal::Tenant& tenant, absl::Span<const TagExpression> expressions,
                const Visit& visit) {
  base::ReaderLock lock(tenant.mutex);
  const TagIndex& tagged = tenant.locked_tags();
  const auto visit_series = [&](uint32_t series) { return visit(tagged, series); };
  const auto pause = [&] { tenant.LetWritersPass(); };
  internal::TagSearch(tagged, expressions).Run(visit_series, pause);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SeriesIndex::FindTagged(
    absl::string_view tenant_id, absl::Span<const std::string> expressions,
    size_t max_matches) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto parsed, ParseTagExpressions(expressions));
  std::vector<std::string> metrics;
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return metrics;
  SearchTags(*tenant, parsed, [&](const TagIndex& tagged, uint32_t series) {
    metrics.push_back(tagged.MetricOf(series));
    return metrics.size() <= max_matches;
  });
  if (metrics.size() > max_matches) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "tag expression \"", base::Excerpt(expressions.front()), "\" (of ", expressions.size(),
        ") matches more than ", max_matches, " series; add expressions that make it narrower"));
  }
  std::sort(metrics.begin(), metrics.end());
  metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
  return metrics;
}

absl::StatusOr<std::vector<TagCount>> SeriesIndex::TagNames(
    absl::string_view tenant_id, absl::string_view prefix,
    absl::Span<const std::string> expressions, size_t count_max) const {
  std::vector<TagExpression> parsed;
  if (!expressions.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(parsed, ParseTagExpressions(expressions));
  }
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<TagCount>();
  if (parsed.empty()) {
    std::vector<TagCount> entries;
    base::ReaderLock lock(tenant->mutex);
    const TagPairs& pairs = tenant->tagged.pairs();
    const TagPairs::Tags& tags = pairs.tags();
    for (auto tag = tags.lower_bound(prefix); tag != tags.end(); ++tag) {
      const absl::string_view text = pairs.TextOf(tag->first);
      if (entries.size() >= count_max || !absl::StartsWith(text, prefix)) break;
      if (!text.empty()) entries.push_back({std::string(text), tag->second.series_count});
    }
    return entries;
  }
  absl::flat_hash_set<absl::string_view> used;
  for (const TagExpression& expression : parsed) used.insert(expression.tag());
  Completions completions(prefix);
  SearchTags(*tenant, parsed, [&](const TagIndex& tagged, uint32_t series) {
    for (const uint32_t pair : tagged.PairsOf(series)) {
      const absl::string_view tag = tagged.pairs().TagOf(pair);
      if (!used.contains(tag)) completions.Count(tag);
    }
    return true;
  });
  return completions.Finish(count_max);
}

absl::StatusOr<std::vector<TagCount>> SeriesIndex::TagValues(
    absl::string_view tenant_id, absl::string_view tag, absl::string_view prefix,
    absl::Span<const std::string> expressions, size_t count_max) const {
  if (tag.empty()) return absl::InvalidArgumentError("values of which tag? its name is empty");
  std::vector<TagExpression> parsed;
  if (!expressions.empty()) {
    std::vector<std::string> all(expressions.begin(), expressions.end());
    all.push_back(absl::StrCat(tag, "!="));  // those that have it
    PLUMBAGO_ASSIGN_OR_RETURN(parsed, ParseTagExpressions(all));
  }
  const Tenant* tenant = FindTenant(tenant_id);
  if (tenant == nullptr) return std::vector<TagCount>();
  if (parsed.empty()) {
    std::vector<TagCount> entries;
    base::ReaderLock lock(tenant->mutex);
    const TagPairs& pairs = tenant->tagged.pairs();
    const TagPairs::Tag* found = pairs.FindTag(tag);
    if (found == nullptr) return entries;
    for (auto pair = found->pairs.lower_bound(prefix); pair != found->pairs.end(); ++pair) {
      const absl::string_view value = pairs.ValueOf(*pair);
      if (entries.size() >= count_max || !absl::StartsWith(value, prefix)) break;
      entries.push_back({std::string(value), pairs.SeriesCountOf(*pair)});
    }
    return entries;
  }
  Completions completions(prefix);
  SearchTags(*tenant, parsed, [&](const TagIndex& tagged, uint32_t series) {
    for (const uint32_t pair : tagged.PairsOf(series)) {
      if (tagged.pairs().TagOf(pair) == tag) completions.Count(tagged.pairs().ValueOf(pair));
    }
    return true;
  });
  return completions.Finish(count_max);
}

}  // namespace plumbago::index

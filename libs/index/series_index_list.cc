// The lists of SeriesIndex, read from the KeyValue.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/internal/pattern.h"
#include "index/internal/record.h"
#include "index/internal/tenant.h"
#include "index/series_index.h"
#include "metric/glob.h"
#include "metric/slot.h"

namespace plumbago::index {
namespace {

// What every name that matches begins with: only these records need a look.
std::string LiteralPrefix(absl::Span<const metric::Glob> globs) {
  std::string prefix;
  for (const metric::Glob& glob : globs) {
    if (!glob.is_exact() || glob.exact_names().size() != 1) return prefix;
    absl::StrAppend(&prefix, glob.exact_names().front(), ".");
  }
  prefix.pop_back();  // no more nodes follow
  return prefix;
}

}  // namespace

absl::Status SeriesIndex::ListSeries(absl::string_view tenant,
                                     absl::FunctionRef<bool(absl::string_view)> visit) const {
  const std::string prefix = internal::TenantPrefix(tenant);
  return kv_.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    return visit(key.substr(prefix.size()));
  });
}

absl::Status SeriesIndex::ListMatching(absl::string_view tenant, absl::string_view pattern,
                                       SeriesVisitor visit) const {
  return ScanMatching(tenant, pattern, [&](absl::string_view metric, const SeriesInfo&) {
    const auto info = Get(tenant, metric);
    return !info.has_value() || visit(metric, *info);
  });
}

absl::Status SeriesIndex::ListStale(absl::string_view tenant, absl::string_view pattern,
                                    int64_t before_unix_seconds, SeriesVisitor visit) const {
  const auto is_stale = [&](const SeriesInfo& info) {
    return info.last_update_unix_seconds != 0 &&
           info.last_update_unix_seconds < before_unix_seconds;
  };
  return ScanMatching(tenant, pattern, [&](absl::string_view metric, const SeriesInfo& written) {
    if (!is_stale(written)) return true;
    const auto info = Get(tenant, metric);  // may be later than what was written
    return !info.has_value() || !is_stale(*info) || visit(metric, *info);
  });
}

absl::Status SeriesIndex::ScanMatching(absl::string_view tenant, absl::string_view pattern,
                                       SeriesVisitor visit) const {
  if (internal::IsTagged(pattern)) {
    const auto info = Get(tenant, pattern);
    if (info.has_value()) visit(pattern, *info);
    return absl::OkStatus();
  }
  std::vector<metric::Glob> globs;
  if (!pattern.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(globs, internal::CompilePattern(pattern));
  }
  absl::Status malformed;
  const std::string prefix = internal::TenantPrefix(tenant);
  const absl::Status scanned = kv_.Scan(
      absl::StrCat(prefix, pattern.empty() ? "" : LiteralPrefix(globs)),
      [&](absl::string_view key, absl::string_view value) {
        const absl::string_view metric = key.substr(prefix.size());
        const bool is_match =
            pattern.empty() || (!internal::IsTagged(metric) && metric::MatchesPath(globs, metric));
        if (!is_match) return true;
        const auto record = internal::ParseRecord(key, value);
        if (!record.ok()) malformed = record.status();
        return record.ok() && visit(metric, record->info);
      });
  PLUMBAGO_RETURN_IF_ERROR(scanned);
  return malformed;
}

absl::Status SeriesIndex::ListSlot(
    uint32_t slot,
    absl::FunctionRef<bool(absl::string_view tenant, absl::string_view metric)> visit) const {
  return kv_.Scan(internal::kSeriesPrefix, [&](absl::string_view key, absl::string_view) {
    const absl::string_view series = key.substr(internal::kSeriesPrefix.size());
    if (metric::SlotOfKey(series) != slot) return true;
    const size_t separator = series.find('\0');
    return visit(series.substr(0, separator), series.substr(separator + 1));
  });
}

}  // namespace plumbago::index

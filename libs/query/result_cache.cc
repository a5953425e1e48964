#include "query/result_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace plumbago::query {
namespace {

constexpr size_t kEntryBytes = 256;   // of list, map and pointers
constexpr size_t kSeriesBytes = 512;  // of one series without its texts and points
constexpr size_t kShareMax = 4;       // of one result: this part of the memory
constexpr int64_t kSecondsMax = 24 * 3600;

// Columns that results share count for each: a bound, not a measure.
size_t BytesOf(const functions::SeriesList& list) {
  size_t bytes = 0;
  for (const functions::Series& series : list) {
    bytes += kSeriesBytes + series.name.size() + series.path_expression.size() +
             series.values.size() * sizeof(double);
    for (const auto& [key, value] : series.tags.entries()) bytes += key.size() + value.size() + 64;
  }
  return bytes;
}

std::string IdOf(const ResultCache::Key& key) {
  return absl::StrCat(key.level == ResultCache::Level::kAnswer ? "a" : "f", key.text);
}

}  // namespace

ResultCache::Result ResultCache::Find(const Key& key) {
  if (!is_on()) return nullptr;
  const std::string id = IdOf(key);
  const absl::Duration now = clock_.Monotonic();
  const auto level = static_cast<size_t>(key.level);
  base::MutexLock lock(mutex_);
  const auto tenant = tenants_.find(key.tenant);
  if (tenant != tenants_.end()) {
    const auto found = tenant->second.by_id.find(id);
    if (found != tenant->second.by_id.end()) {
      const auto entry = found->second;
      if (now < entry->expiry) {
        std::list<Entry>& entries = tenant->second.entries;
        entries.splice(entries.begin(), entries, entry);
        ++usage_.hit_count[level];
        return entry->result;
      }
      Erase(tenant, entry);
    }
  }
  ++usage_.miss_count[level];
  return nullptr;
}

void ResultCache::Add(const Key& key, Result result, absl::Duration time_to_live) {
  if (!is_on() || time_to_live <= absl::ZeroDuration()) return;
  std::string id = IdOf(key);
  const size_t bytes = kEntryBytes + 2 * id.size() + BytesOf(*result);
  if (bytes > bytes_max_ / kShareMax) return;
  const absl::Duration expiry = clock_.Monotonic() + time_to_live;
  base::MutexLock lock(mutex_);
  auto tenant = tenants_.find(key.tenant);
  if (tenant != tenants_.end()) {
    const auto old = tenant->second.by_id.find(id);
    if (old != tenant->second.by_id.end()) Erase(tenant, old->second);
  }
  Tenant& owner = tenants_[key.tenant];
  owner.entries.push_front({id, std::move(result), bytes, expiry});
  owner.by_id.emplace(std::move(id), owner.entries.begin());
  owner.bytes += bytes;
  usage_.bytes += bytes;
  ++usage_.entry_count;
  while (usage_.bytes > bytes_max_) EvictOne();
}

void ResultCache::Erase(Tenants::iterator tenant, std::list<Entry>::iterator entry) {
  tenant->second.bytes -= entry->bytes;
  usage_.bytes -= entry->bytes;
  --usage_.entry_count;
  tenant->second.by_id.erase(entry->id);
  tenant->second.entries.erase(entry);
  if (tenant->second.entries.empty()) tenants_.erase(tenant);
}

void ResultCache::EvictOne() {
  const auto largest = std::max_element(
      tenants_.begin(), tenants_.end(),
      [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
  ++usage_.evicted_count;
  Erase(largest, std::prev(largest->second.entries.end()));
}

ResultCache::Usage ResultCache::usage() const {
  base::MutexLock lock(mutex_);
  return usage_;
}

absl::Duration TimeToLive(const functions::TimeRange& range, int64_t now,
                          std::optional<int64_t> asked) {
  if (asked.has_value()) return absl::Seconds(std::clamp<int64_t>(*asked, 0, kSecondsMax));
  const int64_t live = std::clamp<int64_t>((range.until - range.from) / 500, 1, 60);
  const int64_t old = std::clamp<int64_t>((now - range.until) / 60, 0, 600);
  return absl::Seconds(std::max(live, old));
}

std::string RangeKey(const functions::TimeRange& range, int64_t now, absl::Duration time_to_live) {
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(time_to_live));
  if (range.until <= now - seconds) return absl::StrCat(range.from, "-", range.until);
  return absl::StrCat("live ", range.until - range.from, " ", range.until / seconds, "*", seconds);
}

std::string NormalisedTarget(absl::string_view target) {
  std::string text;
  char quote = 0;
  for (size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (quote == 0 && absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    text += c;
    if (c == '\\' && i + 1 < target.size()) {
      text += target[++i];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
  }
  return text;
}

std::string FetchKey(const functions::Fetch& fetch, double x_files_factor) {
  // Does not compile any more when a fetch is told apart by something else too.
  const auto& [pattern, range, lookback_points] = fetch;
  return absl::StrCat(range.from, " ", range.until, " ", lookback_points, " ", x_files_factor, " ",
                      pattern);
}

}  // namespace plumbago::query

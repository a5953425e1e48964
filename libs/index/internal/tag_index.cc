#include "index/internal/tag_index.h"

#include <algorithm>

namespace plumbago::index::internal {

bool TagIndex::Add(absl::string_view metric, const SeriesInfo& info) {
  if (!series_.try_emplace(std::string(metric), info).second) return false;
  AddToTotal(info);
  return true;
}

bool TagIndex::Remove(absl::string_view metric) {
  const auto found = series_.find(metric);
  if (found == series_.end()) return false;
  SubtractFromTotal(found->second);
  series_.erase(found);
  return true;
}

bool TagIndex::Update(absl::string_view metric, const SeriesInfo& info) {
  const auto found = series_.find(metric);
  if (found == series_.end()) return false;
  SubtractFromTotal(found->second);
  found->second = info;
  AddToTotal(info);
  return true;
}

std::optional<SeriesInfo> TagIndex::Get(absl::string_view metric) const {
  const auto found = series_.find(metric);
  if (found == series_.end()) return std::nullopt;
  return found->second;
}

Usage TagIndex::TotalUsage() const {
  Usage usage = total_;
  if (!is_settled_) usage.last_update_unix_seconds = LastUpdate();
  return usage;
}

void TagIndex::Settle() {
  total_ = TotalUsage();
  is_settled_ = true;
}

void TagIndex::AddToTotal(const SeriesInfo& info) {
  ++total_.series_count;
  total_.file_bytes += info.file_bytes;
  if (info.last_update_unix_seconds < total_.last_update_unix_seconds) return;
  total_.last_update_unix_seconds = info.last_update_unix_seconds;
  is_settled_ = true;
}

void TagIndex::SubtractFromTotal(const SeriesInfo& info) {
  --total_.series_count;
  total_.file_bytes -= info.file_bytes;
  if (info.last_update_unix_seconds == total_.last_update_unix_seconds) is_settled_ = false;
}

uint32_t TagIndex::LastUpdate() const {
  uint32_t latest = 0;
  for (const auto& [metric, info] : series_) {
    latest = std::max(latest, info.last_update_unix_seconds);
  }
  return latest;
}

}  // namespace plumbago::index::internal

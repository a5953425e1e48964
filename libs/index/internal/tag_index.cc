#include "index/internal/tag_index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/hash.h"

namespace plumbago::index::internal {
namespace {

constexpr absl::string_view kNameTag = "name";
// So many numbers on either side are asked for another one with the time of a series that goes.
constexpr uint32_t kNeighboursAsked = 16;
// Postings are cleared of series that are gone when these are more than the others, and so many.
constexpr size_t kGonePostingsMin = 16;

// Calls `take(tag, value)` for the name and each tag of `metric`, in its order. What is no
// key=value has the tag "".
template <typename Take>
void SplitTags(absl::string_view metric, const Take& take) {
  bool is_name = true;
  for (const absl::string_view part : absl::StrSplit(metric, ';')) {
    const size_t equals = part.find('=');
    if (is_name) {
      take(kNameTag, part);
    } else if (equals == absl::string_view::npos || equals == 0) {
      take("", part);
    } else {
      take(part.substr(0, equals), part.substr(equals + 1));
    }
    is_name = false;
  }
}

}  // namespace

bool TagIndex::Add(absl::string_view metric, const SeriesInfo& info) {
  PairIds pairs;
  SplitTags(metric, [&](absl::string_view tag, absl::string_view value) {
    pairs.push_back(pairs_.Acquire(tag, value));
  });
  if (FindByPairs(pairs) != kNone) {
    for (const uint32_t pair : pairs) ReleasePair(pair);
    return false;
  }
  uint32_t series;
  if (free_.empty()) {
    series = series_.Append();
    PLUMBAGO_CHECK(series != kNone);
  } else {
    series = free_.back();
    free_.pop_back();
  }
  Series& added = series_[series];
  added.count = static_cast<uint32_t>(pairs.size());
  added.pairs = std::make_unique<uint32_t[]>(pairs.size());
  std::copy(pairs.begin(), pairs.end(), added.pairs.get());
  for (const uint32_t pair : pairs) pairs_.PostingsOf(pair).push_back(series);
  ids_.Insert(HashOf(series), series);
  SetInfo(series, info);
  AddToTotal(info);
  return true;
}

bool TagIndex::Remove(absl::string_view metric) {
  const uint32_t series = Find(metric);
  if (series == kNone) return false;
  ids_.Erase(HashOf(series), series);
  SubtractFromTotal(series);
  const std::unique_ptr<uint32_t[]> pairs = std::move(series_[series].pairs);
  const uint32_t pair_count = series_[series].count;
  for (uint32_t i = 0; i < pair_count; ++i) ReleasePair(pairs[i]);
  return true;
}

bool TagIndex::Update(absl::string_view metric, const SeriesInfo& info) {
  const uint32_t series = Find(metric);
  if (series == kNone) return false;
  SubtractFromTotal(series);
  SetInfo(series, info);
  AddToTotal(info);
  return true;
}

std::optional<SeriesInfo> TagIndex::Get(absl::string_view metric) const {
  const uint32_t series = Find(metric);
  if (series == kNone) return std::nullopt;
  return InfoOf(series);
}

uint32_t TagIndex::Find(absl::string_view metric) const {
  PairIds pairs;
  bool is_known = true;
  SplitTags(metric, [&](absl::string_view tag, absl::string_view value) {
    const uint32_t pair = is_known ? pairs_.Find(tag, value) : kNone;
    is_known = pair != kNone;
    pairs.push_back(pair);
  });
  return is_known ? FindByPairs(pairs) : kNone;
}

uint32_t TagIndex::FindByPairs(absl::Span<const uint32_t> pairs) const {
  return ids_.Find(HashOfPairs(pairs), [&](uint32_t series) { return PairsOf(series) == pairs; });
}

uint64_t TagIndex::HashOfPairs(absl::Span<const uint32_t> pairs) {
  return base::Hash64(
      {reinterpret_cast<const char*>(pairs.data()), pairs.size() * sizeof(pairs[0])});
}

// A removed series stays in the postings of pairs that others have until it is worth the walk.
void TagIndex::ReleasePair(uint32_t pair) {
  const bool is_gone = pairs_.Release(pair);
  std::vector<uint32_t>& postings = pairs_.PostingsOf(pair);
  if (is_gone) {
    for (const uint32_t series : postings) ForgetPosting(series);
    postings = {};
    return;
  }
  const size_t live_count = pairs_.SeriesCountOf(pair);
  if (postings.size() <= 2 * live_count + kGonePostingsMin) return;
  const auto is_live = [&](uint32_t series) { return series_[series].pairs != nullptr; };
  const auto gone = std::partition(postings.begin(), postings.end(), is_live);
  std::for_each(gone, postings.end(), [&](uint32_t series) { ForgetPosting(series); });
  postings.erase(gone, postings.end());
  postings.shrink_to_fit();
}

void TagIndex::ForgetPosting(uint32_t series) {
  if (--series_[series].count == 0) free_.push_back(series);
}

std::string TagIndex::MetricOf(uint32_t series) const {
  const absl::Span<const uint32_t> pairs = PairsOf(series);
  if (pairs.empty()) return "";
  std::string metric(pairs_.ValueOf(pairs.front()));
  for (const uint32_t pair : pairs.subspan(1)) {
    const absl::string_view tag = pairs_.TagOf(pair);
    absl::StrAppend(&metric, ";", tag, tag.empty() ? "" : "=", pairs_.ValueOf(pair));
  }
  return metric;
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

void TagIndex::SetInfo(uint32_t series, const SeriesInfo& info) {
  series_[series].file_bytes = info.file_bytes;
  series_[series].last_update_unix_seconds = info.last_update_unix_seconds;
}

void TagIndex::AddToTotal(const SeriesInfo& info) {
  ++total_.series_count;
  total_.file_bytes += info.file_bytes;
  if (info.last_update_unix_seconds < total_.last_update_unix_seconds) return;
  total_.last_update_unix_seconds = info.last_update_unix_seconds;
  is_settled_ = true;
}

void TagIndex::SubtractFromTotal(uint32_t series) {
  const SeriesInfo info = InfoOf(series);
  --total_.series_count;
  total_.file_bytes -= info.file_bytes;
  if (total_.series_count == 0) {
    total_.last_update_unix_seconds = 0;
    is_settled_ = true;
  } else if (info.last_update_unix_seconds == total_.last_update_unix_seconds &&
             !HasNeighbourUpdatedAt(series, info.last_update_unix_seconds)) {
    is_settled_ = false;
  }
}

bool TagIndex::HasNeighbourUpdatedAt(uint32_t series, uint32_t unix_seconds) const {
  if (unix_seconds == 0) return true;  // there is no earlier time
  const uint32_t first = series - std::min(series, kNeighboursAsked);
  const uint32_t end = std::min(series + kNeighboursAsked, series_.size());
  for (uint32_t other = first; other < end; ++other) {
    if (other == series || series_[other].pairs == nullptr) continue;
    if (series_[other].last_update_unix_seconds == unix_seconds) return true;
  }
  return false;
}

uint32_t TagIndex::LastUpdate() const {
  uint32_t latest = 0;
  for (uint32_t series = 0; series < series_.size(); ++series) {
    if (series_[series].pairs == nullptr) continue;
    latest = std::max(latest, series_[series].last_update_unix_seconds);
  }
  return latest;
}

}  // namespace plumbago::index::internal

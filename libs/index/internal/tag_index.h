// The tagged series of one tenant: a series is its name and the numbers of its pairs of tag and
// value; each pair knows its series.
//
// Not thread-safe; reading is safe while nobody writes. Names are taken as they are: the part
// before the first `;` is the value of the tag `name`, and what is no key=value matches no
// expression. A series' number means the same until it is removed; it may then stand for another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "index/internal/chunked_array.h"
#include "index/internal/id_set.h"
#include "index/internal/tag_pairs.h"
#include "index/series_info.h"

namespace plumbago::index::internal {

class TagIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  TagIndex() : ids_(*this) {}
  TagIndex(const TagIndex&) = delete;
  TagIndex& operator=(const TagIndex&) = delete;

  // False where it is there already, or is not there: then nothing changes.
  bool Add(absl::string_view metric, const SeriesInfo& info = {});
  bool Remove(absl::string_view metric);
  bool Update(absl::string_view metric, const SeriesInfo& info);
  std::optional<SeriesInfo> Get(absl::string_view metric) const;
  bool Contains(absl::string_view metric) const { return Find(metric) != kNone; }
  bool is_empty() const { return total_.series_count == 0; }

  // Of all: O(1), unless removals left the time of the last update unknown, until Settle.
  Usage TotalUsage() const;
  bool is_settled() const { return is_settled_; }
  void Settle();

  // For whoever searches. A series without pairs is gone.
  const TagPairs& pairs() const { return pairs_; }
  absl::Span<const uint32_t> PairsOf(uint32_t series) const {
    const Series& record = series_[series];
    if (record.pairs == nullptr) return {};
    return {record.pairs.get(), record.count};
  }
  std::string MetricOf(uint32_t series) const;
  // In use, or gone and not yet taken out of all postings.
  size_t series_slot_count() const { return series_.size() - free_.size(); }

  uint64_t HashOf(uint32_t series) const { return HashOfPairs(PairsOf(series)); }

 private:
  struct Series {
    std::unique_ptr<uint32_t[]> pairs;  // that of the name first; null: the series is gone
    uint64_t file_bytes = 0;
    uint32_t last_update_unix_seconds = 0;
    uint32_t count = 0;  // of pairs, or of the postings that still name a series which is gone
  };
  static_assert(sizeof(Series) == 24);
  using PairIds = absl::InlinedVector<uint32_t, 16>;

  static uint64_t HashOfPairs(absl::Span<const uint32_t> pairs);
  uint32_t Find(absl::string_view metric) const;
  uint32_t FindByPairs(absl::Span<const uint32_t> pairs) const;
  SeriesInfo InfoOf(uint32_t series) const {
    return {series_[series].file_bytes, series_[series].last_update_unix_seconds};
  }
  void ReleasePair(uint32_t pair);
  void ForgetPosting(uint32_t series);
  void SetInfo(uint32_t series, const SeriesInfo& info);
  void AddToTotal(const SeriesInfo& info);
  void SubtractFromTotal(uint32_t series);
  bool HasNeighbourUpdatedAt(uint32_t series, uint32_t unix_seconds) const;
  uint32_t LastUpdate() const;

  TagPairs pairs_;
  ChunkedArray<Series> series_;
  std::vector<uint32_t> free_;
  IdSet<TagIndex> ids_;
  Usage total_;  // the time is an upper bound while not settled
  bool is_settled_ = true;
};

}  // namespace plumbago::index::internal

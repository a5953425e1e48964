// Groups of series out of what shards have reduced of them and of hot points
// (docs/adr/0011-shards-reduce-what-has-no-hot-points.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "functions/evaluator.h"
#include "query/shard_client.h"

namespace plumbago::query {

// Behind every hot point: all is head.
inline constexpr int64_t kNoTail = 0xffffffff;

// Where the tail is to begin so that the least is sent: series with hot points before that time are
// late, and sent whole. `firsts`: of each series that has hot points in the range, the time of the
// first. Nothing where most would be sent in any case.
std::optional<int64_t> ChooseTail(std::vector<int64_t> firsts, size_t series_count,
                                  const functions::TimeRange& range);

class GroupMerge {
 public:
  enum class Result { kMerged, kMixedGrids, kMalformed };

  GroupMerge(functions::Aggregation aggregation, int64_t tail_from)
      : aggregation_(aggregation), tail_from_(tail_from), rows_(aggregation, 0) {}

  // Adds what one shard has made of the series in `asked`. `hot`: one entry a series of the whole
  // group, by place; null where it has no hot points.
  Result Add(const ReducedGroup& part, const ReduceQuestion::Group& asked,
             const std::vector<const HotSeries*>& hot);

  // How many series were added.
  size_t series_count() const { return series_count_; }
  int64_t point_count() const { return static_cast<int64_t>(series_count_ * rows_.row_count()); }
  functions::ReducedRows Rows() const;

 private:
  bool HasShapeOf(const ReducedGroup& part) const;
  // Series whose values, from row `first` on, are one behind the other in `values`.
  void AddSeries(const std::vector<uint32_t>& places, size_t first,
                 const std::vector<double>& values, const std::vector<const HotSeries*>& hot);

  const functions::Aggregation aggregation_;
  const int64_t tail_from_;
  StoredSeries shape_;  // of the first part, without values
  functions::RowReducer rows_;
  size_t series_count_ = 0;
};

}  // namespace plumbago::query

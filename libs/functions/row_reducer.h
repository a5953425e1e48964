// Aggregation of series in parts that are merged: what several shards reduce of one group of
// series.
//
// Only aggregations whose parts can be merged: sum, average, avg_zero, min, max, range, count,
// last, stddev. The result is that of AggregateRows over all series, but for the rounding of sums
// and deviations, which are added up in another order. NaN is null. Values; no locks.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "functions/aggregation.h"

namespace plumbago::functions {

bool IsMergeable(Aggregation aggregation);

class RowReducer {
 public:
  // Columns with an entry for each row; those that the aggregation does not need stay empty.
  struct Rows {
    std::vector<uint32_t> counts;  // of values
    std::vector<double> values;    // sum, minimum, maximum, last one, or mean
    std::vector<double> others;    // range: maximum; stddev: squared deviations from the mean
    std::vector<uint32_t> places;  // last: of the series that the value is of
  };

  // `aggregation` is mergeable.
  RowReducer(Aggregation aggregation, size_t row_count);

  // Adds a series whose first value belongs to the row `first`. Of `last` the highest place wins.
  void Add(size_t first, absl::Span<const double> values, uint32_t place);
  // Adds what another one made of other series, for the rows from the first one on. False where the
  // columns are not those of this aggregation, or too long.
  bool Merge(const Rows& rows);

  // `width`: how many series there are, nulls counting for avg_zero and the share.
  std::vector<double> Result(size_t width, double x_files_factor) const;

  const Rows& rows() const { return rows_; }
  size_t row_count() const { return rows_.counts.size(); }

 private:
  void AddRow(size_t row, double value, uint32_t place);
  void MergeRow(size_t row, const Rows& other);
  double RowResult(size_t row, size_t width) const;

  Aggregation aggregation_;
  Rows rows_;
};

// How many of the rows end before `tail_from`: those are the head, the others the tail. step >= 1.
size_t HeadCount(int64_t start, int64_t step, size_t row_count, int64_t tail_from);

}  // namespace plumbago::functions

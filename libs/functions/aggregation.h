// How several values become one: rows of parallel series, buckets of one series.
//
// NaN is null. Nulls are skipped unless said otherwise, and a row without values gives null. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "functions/series.h"

namespace plumbago::functions {

enum class Aggregation {
  kAverage,      // sum / count
  kAverageZero,  // nulls count as 0
  kMedian,       // mean of the middle two where the count is even
  kSum,
  kMinimum,
  kMaximum,
  kDifference,         // the first value minus all others
  kStandardDeviation,  // of the population
  kCount,              // of values; an integer
  kRange,
  kMultiply,  // null if any is null
  kLast,
  kFirst,  // not by word: carbonapi's firstSeries alone
};

// By Graphite's words: average avg avg_zero median sum total min max diff stddev count range
// rangeOf multiply last current, each also with "Series" behind it (but countSeries, which counts
// nulls too and is a function of its own). InvalidArgument names the word and the allowed ones.
absl::StatusOr<Aggregation> ParseAggregation(absl::string_view text);

// The words above, without "Series", sorted.
const std::vector<std::string>& AggregationWords();

// Whether `count` values of `width` are enough for a result.
bool IsShareEnough(size_t count, size_t width, double x_files_factor);

// Whether the result of integers is an integer.
bool KeepsIntegers(Aggregation aggregation);

double Aggregate(Aggregation aggregation, absl::Span<const double> values);

// Row by row over columns of any lengths; short ones are padded with nulls. A row is null where the
// share of values is below `x_files_factor`.
std::vector<double> AggregateRows(Aggregation aggregation,
                                  absl::Span<const std::vector<double>* const> columns,
                                  double x_files_factor);

}  // namespace plumbago::functions

#include "functions/aggregation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace plumbago::functions {
namespace {

constexpr std::pair<const char*, Aggregation> kWords[] = {
    {"average", Aggregation::kAverage},
    {"avg", Aggregation::kAverage},
    {"avg_zero", Aggregation::kAverageZero},
    {"count", Aggregation::kCount},
    {"current", Aggregation::kLast},
    {"diff", Aggregation::kDifference},
    {"last", Aggregation::kLast},
    {"max", Aggregation::kMaximum},
    {"median", Aggregation::kMedian},
    {"min", Aggregation::kMinimum},
    {"multiply", Aggregation::kMultiply},
    {"range", Aggregation::kRange},
    {"rangeOf", Aggregation::kRange},
    {"stddev", Aggregation::kStandardDeviation},
    {"sum", Aggregation::kSum},
    {"total", Aggregation::kSum},
};

double Median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

double StandardDeviation(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  const auto count = static_cast<double>(values.size());
  const double average = sum / count;
  double squares = 0;
  for (const double value : values) squares += (value - average) * (value - average);
  return std::sqrt(squares / count);
}

// What one pass over the values can give.
struct Accumulator {
  uint32_t count = 0;
  double sum = 0;
  double first = kNull;
  double last = kNull;
  double minimum = HUGE_VAL;
  double maximum = -HUGE_VAL;
  double product = 1;

  void Add(double value) {
    if (std::isnan(value)) return;
    if (count++ == 0) first = value;
    sum += value;
    last = value;
    minimum = std::min(minimum, value);
    maximum = std::max(maximum, value);
    product *= value;
  }

  // `width` counts nulls too.
  double Result(Aggregation aggregation, size_t width) const {
    if (aggregation == Aggregation::kCount) return count;
    if (count == 0) return kNull;
    switch (aggregation) {
      case Aggregation::kAverage:
        return sum / count;
      case Aggregation::kAverageZero:
        return sum / static_cast<double>(width);
      case Aggregation::kSum:
        return sum;
      case Aggregation::kMinimum:
        return minimum;
      case Aggregation::kMaximum:
        return maximum;
      case Aggregation::kRange:
        return maximum - minimum;
      case Aggregation::kMultiply:
        return count == width ? product : kNull;
      case Aggregation::kLast:
        return last;
      case Aggregation::kFirst:
        return first;
      default:
        return kNull;
    }
  }
};

bool NeedsAllValues(Aggregation aggregation) {
  return aggregation == Aggregation::kMedian || aggregation == Aggregation::kStandardDeviation ||
         aggregation == Aggregation::kDifference;
}

// The common ones: sums and counts by column, which reads each series once from front to back.
std::vector<double> SumRows(Aggregation aggregation,
                            absl::Span<const std::vector<double>* const> columns, size_t row_count,
                            double x_files_factor) {
  std::vector<double> sums(row_count, 0);
  std::vector<uint32_t> counts(row_count, 0);
  for (const std::vector<double>* column : columns) {
    const double* values = column->data();
    for (size_t row = 0; row < column->size(); ++row) {
      const bool is_value = !std::isnan(values[row]);
      sums[row] += is_value ? values[row] : 0;
      counts[row] += is_value;
    }
  }
  for (size_t row = 0; row < row_count; ++row) {
    if (!IsShareEnough(counts[row], columns.size(), x_files_factor)) {
      sums[row] = kNull;
    } else if (aggregation == Aggregation::kAverage) {
      sums[row] /= counts[row];
    }
  }
  return sums;
}

std::vector<double> AccumulateRows(Aggregation aggregation,
                                   absl::Span<const std::vector<double>* const> columns,
                                   size_t row_count, double x_files_factor) {
  std::vector<Accumulator> rows(row_count);
  for (const std::vector<double>* column : columns) {
    for (size_t row = 0; row < column->size(); ++row) rows[row].Add((*column)[row]);
  }
  std::vector<double> result(row_count, kNull);
  for (size_t row = 0; row < row_count; ++row) {
    if (!IsShareEnough(rows[row].count, columns.size(), x_files_factor)) continue;
    result[row] = rows[row].Result(aggregation, columns.size());
  }
  return result;
}

std::vector<double> GatherRows(Aggregation aggregation,
                               absl::Span<const std::vector<double>* const> columns,
                               size_t row_count, double x_files_factor) {
  std::vector<double> result(row_count, kNull);
  std::vector<double> values;
  for (size_t row = 0; row < row_count; ++row) {
    values.clear();
    for (const std::vector<double>* column : columns) {
      if (row < column->size() && !std::isnan((*column)[row])) values.push_back((*column)[row]);
    }
    if (!IsShareEnough(values.size(), columns.size(), x_files_factor)) continue;
    result[row] = Aggregate(aggregation, values);
  }
  return result;
}

}  // namespace

absl::StatusOr<Aggregation> ParseAggregation(absl::string_view text) {
  absl::string_view word = text;
  if (text != "countSeries" && absl::EndsWith(word, "Series")) word.remove_suffix(6);
  for (const auto& [name, aggregation] : kWords) {
    if (word == name) return aggregation;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown aggregation \"", base::Excerpt(text),
                                                 "\"; use one of ",
                                                 absl::StrJoin(AggregationWords(), ", ")));
}

const std::vector<std::string>& AggregationWords() {
  static const auto* const words = [] {
    auto* list = new std::vector<std::string>;  // lives as long as the process
    for (const auto& [name, aggregation] : kWords) list->emplace_back(name);
    return list;
  }();
  return *words;
}

bool IsShareEnough(size_t count, size_t width, double x_files_factor) {
  return count > 0 && static_cast<double>(count) / static_cast<double>(width) >= x_files_factor;
}

bool KeepsIntegers(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kSum:
    case Aggregation::kMinimum:
    case Aggregation::kMaximum:
    case Aggregation::kDifference:
    case Aggregation::kLast:
    case Aggregation::kFirst:
      return true;
    default:
      return false;
  }
}

double Aggregate(Aggregation aggregation, absl::Span<const double> values) {
  if (!NeedsAllValues(aggregation)) {
    Accumulator accumulator;
    for (const double value : values) accumulator.Add(value);
    return accumulator.Result(aggregation, values.size());
  }
  std::vector<double> present;
  for (const double value : values) {
    if (!std::isnan(value)) present.push_back(value);
  }
  if (present.empty()) return kNull;
  if (aggregation == Aggregation::kMedian) return Median(present);
  if (aggregation == Aggregation::kStandardDeviation) return StandardDeviation(present);
  double difference = present[0];
  for (size_t i = 1; i < present.size(); ++i) difference -= present[i];
  return difference;
}

std::vector<double> AggregateRows(Aggregation aggregation,
                                  absl::Span<const std::vector<double>* const> columns,
                                  double x_files_factor) {
  size_t row_count = 0;
  for (const std::vector<double>* column : columns) {
    row_count = std::max(row_count, column->size());
  }
  if (aggregation == Aggregation::kSum || aggregation == Aggregation::kAverage) {
    return SumRows(aggregation, columns, row_count, x_files_factor);
  }
  if (NeedsAllValues(aggregation)) {
    return GatherRows(aggregation, columns, row_count, x_files_factor);
  }
  return AccumulateRows(aggregation, columns, row_count, x_files_factor);
}

}  // namespace plumbago::functions

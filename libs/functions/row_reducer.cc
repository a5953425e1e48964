#include "functions/row_reducer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "functions/value_pair.h"

namespace plumbago::functions {
namespace {

bool HasValues(Aggregation aggregation) { return aggregation != Aggregation::kCount; }
bool HasOthers(Aggregation aggregation) {
  return aggregation == Aggregation::kRange || aggregation == Aggregation::kStandardDeviation;
}
bool IsSum(Aggregation aggregation) {
  return aggregation == Aggregation::kSum || aggregation == Aggregation::kAverage ||
         aggregation == Aggregation::kAverageZero;
}
bool HasPlaces(Aggregation aggregation) { return aggregation == Aggregation::kLast; }

}  // namespace

bool IsMergeable(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kSum:
    case Aggregation::kAverage:
    case Aggregation::kAverageZero:
    case Aggregation::kMinimum:
    case Aggregation::kMaximum:
    case Aggregation::kRange:
    case Aggregation::kCount:
    case Aggregation::kLast:
    case Aggregation::kStandardDeviation:
      return true;
    default:
      return false;
  }
}

RowReducer::RowReducer(Aggregation aggregation, size_t row_count) : aggregation_(aggregation) {
  PLUMBAGO_CHECK(IsMergeable(aggregation));
  const bool is_least = aggregation == Aggregation::kMinimum || aggregation == Aggregation::kRange;
  const double first = is_least ? HUGE_VAL : aggregation == Aggregation::kMaximum ? -HUGE_VAL : 0;
  rows_.counts.resize(row_count);
  if (HasValues(aggregation)) rows_.values.resize(row_count, first);
  if (HasOthers(aggregation)) {
    rows_.others.resize(row_count, aggregation == Aggregation::kRange ? -HUGE_VAL : 0);
  }
  if (HasPlaces(aggregation)) rows_.places.resize(row_count);
}

void RowReducer::Add(size_t first, absl::Span<const double> values, uint32_t place) {
  PLUMBAGO_CHECK(first + values.size() <= row_count());
  // A loop for each aggregation, without branches where it can be; comparing with NaN is false.
  const size_t count = values.size();
  uint32_t* counts = rows_.counts.data() + first;
  double* held = rows_.values.data() + first;
  double* others = rows_.others.data() + first;
  if (aggregation_ == Aggregation::kStandardDeviation || aggregation_ == Aggregation::kLast) {
    for (size_t i = 0; i < count; ++i) {
      if (!std::isnan(values[i])) AddRow(first + i, values[i], place);
    }
    return;
  }
  const bool has_null = HasNull(values);
  if (has_null) {
    for (size_t i = 0; i < count; ++i) counts[i] += !std::isnan(values[i]);
  } else {
    IncrementAll(counts, count);
  }
  if (aggregation_ == Aggregation::kMinimum || aggregation_ == Aggregation::kRange) {
    for (size_t i = 0; i < count; ++i) held[i] = values[i] < held[i] ? values[i] : held[i];
  }
  if (aggregation_ == Aggregation::kRange) {
    for (size_t i = 0; i < count; ++i) others[i] = values[i] > others[i] ? values[i] : others[i];
  }
  if (aggregation_ == Aggregation::kMaximum) {
    for (size_t i = 0; i < count; ++i) held[i] = values[i] > held[i] ? values[i] : held[i];
  }
  if (IsSum(aggregation_) && !has_null) AddAll(values.data(), count, held);
  if (IsSum(aggregation_) && has_null) {
    for (size_t i = 0; i < count; ++i) held[i] += std::isnan(values[i]) ? 0 : values[i];
  }
}

void RowReducer::AddRow(size_t row, double value, uint32_t place) {
  const bool is_first = rows_.counts[row]++ == 0;
  double& held = rows_.values[row];
  if (aggregation_ == Aggregation::kLast) {
    if (!is_first && place < rows_.places[row]) return;
    held = value;
    rows_.places[row] = place;
    return;
  }
  // Welford's mean and deviations.
  const double deviation = value - held;
  held += deviation / rows_.counts[row];
  rows_.others[row] += deviation * (value - held);
}

bool RowReducer::Merge(const Rows& rows) {
  const size_t count = rows.counts.size();
  const auto has = [count](bool is_needed, size_t size) { return size == (is_needed ? count : 0); };
  if (count > row_count() || !has(HasValues(aggregation_), rows.values.size()) ||
      !has(HasOthers(aggregation_), rows.others.size()) ||
      !has(HasPlaces(aggregation_), rows.places.size())) {
    return false;
  }
  for (size_t row = 0; row < count; ++row) {
    if (rows.counts[row] > 0) MergeRow(row, rows);
  }
  return true;
}

void RowReducer::MergeRow(size_t row, const Rows& other) {
  const double count_before = rows_.counts[row];
  rows_.counts[row] += other.counts[row];
  if (aggregation_ == Aggregation::kCount) return;
  double& held = rows_.values[row];
  const double value = other.values[row];
  switch (aggregation_) {
    case Aggregation::kMinimum:
      held = std::min(held, value);
      return;
    case Aggregation::kMaximum:
      held = std::max(held, value);
      return;
    case Aggregation::kRange:
      held = std::min(held, value);
      rows_.others[row] = std::max(rows_.others[row], other.others[row]);
      return;
    case Aggregation::kLast:
      if (count_before > 0 && other.places[row] < rows_.places[row]) return;
      held = value;
      rows_.places[row] = other.places[row];
      return;
    case Aggregation::kStandardDeviation: {  // as Chan, Golub and LeVeque combine them
      const double added = other.counts[row];
      const double deviation = value - held;
      const double count = count_before + added;
      held += deviation * added / count;
      rows_.others[row] += other.others[row] + deviation * deviation * count_before * added / count;
      return;
    }
    default:
      held += value;
  }
}

std::vector<double> RowReducer::Result(size_t width, double x_files_factor) const {
  std::vector<double> result(row_count(), kNull);
  for (size_t row = 0; row < result.size(); ++row) {
    if (IsShareEnough(rows_.counts[row], width, x_files_factor)) {
      result[row] = RowResult(row, width);
    }
  }
  return result;
}

double RowReducer::RowResult(size_t row, size_t width) const {
  switch (aggregation_) {
    case Aggregation::kCount:
      return rows_.counts[row];
    case Aggregation::kAverage:
      return rows_.values[row] / rows_.counts[row];
    case Aggregation::kAverageZero:
      return rows_.values[row] / static_cast<double>(width);
    case Aggregation::kRange:
      return rows_.others[row] - rows_.values[row];
    case Aggregation::kStandardDeviation:
      return std::sqrt(rows_.others[row] / rows_.counts[row]);
    default:
      return rows_.values[row];
  }
}

size_t HeadCount(int64_t start, int64_t step, size_t row_count, int64_t tail_from) {
  if (tail_from <= start) return 0;
  return std::min(row_count, static_cast<size_t>((tail_from - start) / step));
}

}  // namespace plumbago::functions

#include "functions/row_reducer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace plumbago::functions {
namespace {

bool HasValues(Aggregation aggregation) { return aggregation != Aggregation::kCount; }
bool HasOthers(Aggregation aggregation) {
  return aggregation == Aggregation::kRange || aggregation == Aggregation::kStandardDeviation;
}
bool HasIndices(Aggregation aggregation) { return aggregation == Aggregation::kLast; }

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
  rows_.counts.resize(row_count);
  if (HasValues(aggregation)) rows_.values.resize(row_count);
  if (HasOthers(aggregation)) rows_.others.resize(row_count);
  if (HasIndices(aggregation)) rows_.indices.resize(row_count);
}

void RowReducer::Add(size_t first, absl::Span<const double> values, uint32_t index) {
  PLUMBAGO_CHECK(first + values.size() <= row_count());
  const bool is_sum = aggregation_ == Aggregation::kSum || aggregation_ == Aggregation::kAverage ||
                      aggregation_ == Aggregation::kAverageZero;
  if (!is_sum) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) AddRow(first + i, values[i], index);
    }
    return;
  }
  // The common ones, without a branch for each value.
  uint32_t* counts = rows_.counts.data() + first;
  double* sums = rows_.values.data() + first;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_value = !std::isnan(values[i]);
    sums[i] += is_value ? values[i] : 0;
    counts[i] += is_value;
  }
}

void RowReducer::AddRow(size_t row, double value, uint32_t index) {
  const bool is_first = rows_.counts[row]++ == 0;
  if (aggregation_ == Aggregation::kCount) return;
  double& held = rows_.values[row];
  switch (aggregation_) {
    case Aggregation::kMinimum:
      held = is_first ? value : std::min(held, value);
      return;
    case Aggregation::kMaximum:
      held = is_first ? value : std::max(held, value);
      return;
    case Aggregation::kRange:
      held = is_first ? value : std::min(held, value);
      rows_.others[row] = is_first ? value : std::max(rows_.others[row], value);
      return;
    case Aggregation::kLast:
      if (!is_first && index < rows_.indices[row]) return;
      held = value;
      rows_.indices[row] = index;
      return;
    default: {  // Welford's mean and deviations
      const double deviation = value - held;
      held += deviation / rows_.counts[row];
      rows_.others[row] += deviation * (value - held);
    }
  }
}

bool RowReducer::Merge(const Rows& rows) {
  const size_t count = rows.counts.size();
  const auto has = [count](bool is_needed, size_t size) { return size == (is_needed ? count : 0); };
  if (count > row_count() || !has(HasValues(aggregation_), rows.values.size()) ||
      !has(HasOthers(aggregation_), rows.others.size()) ||
      !has(HasIndices(aggregation_), rows.indices.size())) {
    return false;
  }
  for (size_t row = 0; row < count; ++row) {
    if (rows.counts[row] > 0) MergeRow(row, rows);
  }
  return true;
}

void RowReducer::MergeRow(size_t row, const Rows& other) {
  const bool is_first = rows_.counts[row] == 0;
  const double count_before = rows_.counts[row];
  rows_.counts[row] += other.counts[row];
  if (aggregation_ == Aggregation::kCount) return;
  double& held = rows_.values[row];
  const double value = other.values[row];
  switch (aggregation_) {
    case Aggregation::kMinimum:
      held = is_first ? value : std::min(held, value);
      return;
    case Aggregation::kMaximum:
      held = is_first ? value : std::max(held, value);
      return;
    case Aggregation::kRange:
      held = is_first ? value : std::min(held, value);
      rows_.others[row] =
          is_first ? other.others[row] : std::max(rows_.others[row], other.others[row]);
      return;
    case Aggregation::kLast:
      if (!is_first && other.indices[row] < rows_.indices[row]) return;
      held = value;
      rows_.indices[row] = other.indices[row];
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

size_t GroupReduction::HeadCount(int64_t start, int64_t step, size_t row_count) const {
  if (tail_from_ <= start) return 0;
  return std::min(row_count, static_cast<size_t>((tail_from_ - start) / step));
}

bool GroupReduction::Add(uint32_t group, uint32_t index, int64_t start, int64_t step,
                         absl::Span<const double> values) {
  const size_t head_count = HeadCount(start, step, values.size());
  const auto [entry, is_new] = columns_.try_emplace(
      group, Column{start, step, values.size(), 0, RowReducer(aggregation_, head_count)});
  Column& column = entry->second;
  if (column.start != start || column.step != step || column.row_count != values.size()) {
    return false;
  }
  ++column.series_count;
  column.head.Add(0, values.first(head_count), index);
  return true;
}

}  // namespace plumbago::functions

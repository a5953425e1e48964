// Stored series in memory, read and reduced as a store would.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "functions/row_reducer.h"
#include "functions/series.h"
#include "query/shard_client.h"

namespace plumbago::query {

struct FakeSeries {
  int64_t step = 10;
  std::map<int64_t, double> points;
  std::string method = "average";
  int64_t finest_step = 0;
  std::string error = {};
  bool looks_back = true;  // its store is not of an earlier release
};

inline StoredSeries ReadFake(size_t index, const FakeSeries& stored, FetchRange range) {
  StoredSeries series;
  if (range.lookback_points > 0 && stored.looks_back) {
    series.lookback_step = stored.step;
    range.from = std::max<int64_t>(range.from - range.lookback_points * stored.step, 0);
  }
  series.metric_index = index;
  series.step = stored.step;
  series.start = range.from - range.from % stored.step + stored.step;
  series.aggregation_method = stored.method;
  series.finest_step = stored.finest_step;
  series.error = stored.error;
  const int64_t end = range.until - range.until % stored.step + stored.step;
  for (int64_t time = series.start; time < end; time += stored.step) {
    const auto point = stored.points.find(time);
    series.values.push_back(point == stored.points.end() ? functions::kNull : point->second);
  }
  return series;
}

inline ReducedGroup RefusedGroup(ReducedGroup::Refusal refusal) {
  ReducedGroup group;
  group.refusal = refusal;
  return group;
}

inline ReducedGroup ReduceFakes(const std::map<std::string, FakeSeries>& stored,
                                const ReduceQuestion::Group& group, int64_t tail_from,
                                const FetchRange& range) {
  ReducedGroup reduced;
  functions::RowReducer head(group.aggregation, 0);
  for (size_t i = 0; i < group.metrics.size(); ++i) {
    const auto entry = stored.find(group.metrics[i]);
    if (entry == stored.end()) return RefusedGroup(ReducedGroup::Refusal::kUnknownSeries);
    const StoredSeries series = ReadFake(i, entry->second, range);
    if (!series.error.empty()) return RefusedGroup(ReducedGroup::Refusal::kUnreadable);
    const size_t count = series.values.size();
    const size_t head_count = functions::HeadCount(series.start, series.step, count, tail_from);
    if (i == 0) {
      reduced.start = series.start;
      reduced.step = series.step;
      reduced.row_count = count;
      reduced.aggregation_method = series.aggregation_method;
      reduced.finest_step = series.finest_step;
      head = functions::RowReducer(group.aggregation, head_count);
    } else if (series.step != reduced.step || count != reduced.row_count ||
               series.aggregation_method != reduced.aggregation_method ||
               series.finest_step != reduced.finest_step) {
      return RefusedGroup(ReducedGroup::Refusal::kMixedGrids);
    }
    const bool is_late = std::find(group.late.begin(), group.late.end(), i) != group.late.end();
    std::vector<double>& sent = is_late ? reduced.late : reduced.tail;
    const auto first = series.values.begin() + (is_late ? 0 : static_cast<ptrdiff_t>(head_count));
    sent.insert(sent.end(), first, series.values.end());
    if (is_late) continue;
    head.Add(0, absl::MakeConstSpan(series.values).first(head_count), group.places[i]);
  }
  reduced.head = head.rows();
  return reduced;
}

}  // namespace plumbago::query

// Answers what an evaluation asks for, as the query service does from its shards.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status.h"
#include "functions/evaluator.h"

namespace plumbago::functions {

// `read` gives the series of a pattern in a range.
inline absl::Status AnswerFetch(const Fetch& fetch,
                                const std::function<absl::StatusOr<SeriesList>(const Fetch&)>& read,
                                FetchedData& data) {
  PLUMBAGO_ASSIGN_OR_RETURN(SeriesList in_range, read({fetch.pattern, fetch.range}));
  if (fetch.lookback_points == 0) {
    data.Add(fetch, std::move(in_range));
    return absl::OkStatus();
  }
  int64_t least = 0;
  int64_t greatest = 0;
  for (const Series& series : in_range) {
    least = least == 0 ? series.step : std::min(least, series.step);
    greatest = std::max(greatest, series.step);
  }
  std::optional<SeriesList> list;
  if (least == greatest) {
    const TimeRange whole = WithLookback(fetch.range, fetch.lookback_points, greatest);
    PLUMBAGO_ASSIGN_OR_RETURN(list, read({fetch.pattern, whole}));
  }
  data.AddLookback(fetch, greatest, std::move(list));
  return absl::OkStatus();
}

}  // namespace plumbago::functions

// What StatsD computes of a timer's values in one flush interval. Pure, thread-safe.
//
// Source: lib/process_metrics.js of statsd 0.9.0. Departs from it in one place: for a negative
// percentile that takes all values statsd computes NaN, and this their sum.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace plumbago::protocols {

struct TimerValues {
  std::vector<double> values;  // as they came
  double count = 0;            // each weighted by its sample rate
};

// Sorts `timer` and calls `emit` with each name (`upper_90`, `mean`, ...) and value; only `count`
// and `count_ps`, both 0, where there are no values. A percentile is within -100 and 100 and not 0;
// negative ones are of the largest values ("top").
void SummariseTimer(TimerValues* timer, double flush_seconds,
                    const std::vector<double>& percentiles,
                    absl::FunctionRef<void(absl::string_view, double)> emit);

}  // namespace plumbago::protocols

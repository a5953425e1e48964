// What plumbago-query counts.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/metrics.h"
#include "query/engine.h"

namespace plumbago::query {

class QueryMetrics {
 public:
  explicit QueryMetrics(base::Metrics& metrics)
      : metrics_(metrics),
        series_(metrics.AddCounter("plumbago_query_series_read_total", "Series read from shards")),
        points_(metrics.AddCounter("plumbago_query_points_read_total", "Points read from shards")),
        partial_(metrics.AddCounter("plumbago_query_partial_answers_total",
                                    "Answers that lacked a shard")),
        unreadable_(metrics.AddCounter("plumbago_query_unreadable_series_total",
                                       "Series that shards could not read (20 a request)")) {}

  void CountRequest(absl::string_view endpoint, int code, double seconds) {
    metrics_
        .AddCounter("plumbago_query_requests_total", "HTTP requests by endpoint and status",
                    {{"endpoint", std::string(endpoint)}, {"code", absl::StrCat(code)}})
        .Increment();
    metrics_
        .AddHistogram("plumbago_query_request_seconds", "Time to answer HTTP requests",
                      {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
                      {{"endpoint", std::string(endpoint)}})
        .Observe(seconds);
  }

  void CountAnswer(const AnswerNotes& notes) {
    series_.Increment(static_cast<double>(notes.series_count));
    points_.Increment(static_cast<double>(notes.point_count));
    if (!notes.missing_shards.empty()) partial_.Increment();
    if (!notes.warnings.empty()) unreadable_.Increment(static_cast<double>(notes.warnings.size()));
  }

  // `outcome` is ok, timeout or error.
  base::Histogram& ShardCallSeconds(const std::string& shard, const std::string& outcome) {
    return metrics_.AddHistogram(
        "plumbago_query_shard_call_seconds", "Time of calls to shards",
        {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10},
        {{"shard", shard}, {"outcome", outcome}});
  }

 private:
  base::Metrics& metrics_;
  base::Counter& series_;
  base::Counter& points_;
  base::Counter& partial_;
  base::Counter& unreadable_;
};

}  // namespace plumbago::query

// What plumbago-query counts.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/metrics.h"
#include "query/engine.h"
#include "query/guarded_shards.h"
#include "topology/snapshot.h"

namespace plumbago::query {

class QueryMetrics {
 public:
  explicit QueryMetrics(base::Metrics& metrics)
      : metrics_(metrics),
        series_(metrics.AddCounter("plumbago_query_series_read_total", "Series read from shards")),
        points_(metrics.AddCounter("plumbago_query_points_read_total", "Points read from shards")),
        reduced_(metrics.AddCounter("plumbago_query_groups_reduced_total",
                                    "Groups of series that their shards have aggregated")),
        partial_(metrics.AddCounter("plumbago_query_partial_answers_total",
                                    "Answers that lacked a shard")),
        unreadable_(metrics.AddCounter("plumbago_query_unreadable_series_total",
                                       "Series that shards could not read (20 a request)")),
        hedges_(metrics.AddGauge("plumbago_query_hedged_calls",
                                 "Calls also made to a replica, the first being slow")) {}

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
    reduced_.Increment(static_cast<double>(notes.reductions.reduced_groups));
    for (const auto& [reason, count] : notes.reductions.whole_groups) {
      metrics_
          .AddCounter(
              "plumbago_query_groups_not_reduced_total",
              "Groups of series that were read whole, as their shards could not reduce them",
              {{"reason", reason}})
          .Increment(static_cast<double>(count));
    }
    if (!notes.missing_shards.empty()) partial_.Increment();
    if (!notes.warnings.empty()) unreadable_.Increment(static_cast<double>(notes.warnings.size()));
  }

  // Before a scrape: what is known of the shards.
  void Show(GuardedShards& shards, const topology::SnapshotHolder& snapshots) {
    const auto snapshot = snapshots.Get();
    if (snapshot == nullptr) return;
    for (const topology::ShardInfo& info : snapshot->slot_map()->shards()) {
      const std::shared_ptr<ShardHealth> health = shards.HealthOf(info.id);
      Show(info.id, "store", health->store.status());
      Show(info.id, "cache", health->cache.status());
    }
    hedges_.Set(static_cast<double>(shards.hedge_count()));
  }

  // `outcome` is ok, timeout or error.
  base::Histogram& ShardCallSeconds(const std::string& shard, const std::string& outcome) {
    return metrics_.AddHistogram(
        "plumbago_query_shard_call_seconds", "Time of calls to shards",
        {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10},
        {{"shard", shard}, {"outcome", outcome}});
  }

 private:
  void Show(const std::string& shard, const char* service, const CircuitBreaker::Status& status) {
    const base::Labels labels = {{"shard", shard}, {"service", service}};
    metrics_
        .AddGauge("plumbago_query_breaker_state",
                  "Whether a service of a shard is asked: 0 closed, 1 half-open, 2 open: not asked",
                  labels)
        .Set(static_cast<double>(status.state));
    metrics_.AddGauge("plumbago_query_breaker_openings", "How often the breaker has opened", labels)
        .Set(static_cast<double>(status.open_count));
    metrics_
        .AddGauge("plumbago_query_breaker_refused_calls",
                  "Calls that were not made because the breaker was open", labels)
        .Set(static_cast<double>(status.refused_count));
  }

  base::Metrics& metrics_;
  base::Counter& series_;
  base::Counter& points_;
  base::Counter& reduced_;
  base::Counter& partial_;
  base::Counter& unreadable_;
  base::Gauge& hedges_;
};

}  // namespace plumbago::query

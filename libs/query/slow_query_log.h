// Lines about queries that took long: who asked for what, and where the time went.
//
// Some lines in each interval; how many were left out is in the next one. Thread-safe. Texts come
// from clients and are escaped and cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/engine.h"
#include "query/query_registry.h"

namespace plumbago::query {

// One query that has ended. Its answer may still be on the way to the client.
struct QueryReport {
  int http_status = 0;
  absl::Duration total;
  absl::Duration waiting;   // for a place, or for the result of an equal query
  PhaseTimes phases;        // zero where another did the work
  absl::Duration encoding;  // up to the first part of a long answer
  size_t series_count = 0;
  int64_t point_count = 0;
  size_t bytes = 0;  // of the answer, or of its first part
};

class SlowQueryLog {
 public:
  static constexpr int kLinesMax = 20;
  static constexpr absl::Duration kInterval = absl::Seconds(10);

  // The clock must outlive the log.
  SlowQueryLog(absl::Duration threshold, base::Clock& clock)
      : threshold_(threshold), clock_(clock) {}

  bool IsSlow(const QueryReport& report) const { return report.total >= threshold_; }
  // The line to be logged: key=value pairs. Nothing where the query is not slow, or too many are.
  std::optional<std::string> LineOf(const QueryInfo& query, const QueryReport& report);

 private:
  // How many were left out since the last line; nothing where this one is.
  std::optional<uint64_t> TakeLine();

  const absl::Duration threshold_;
  base::Clock& clock_;
  base::Mutex mutex_;
  absl::Duration interval_begin_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  int line_count_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_out_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::query

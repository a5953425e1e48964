// Fetches to series with their points: names of patterns, their points from the shards, and one
// series out of all its copies.
//
// A reader serves one request on one thread and blocks, each round of calls for at most the shard
// timeout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "functions/evaluator.h"
#include "query/fanout.h"
#include "query/name_finder.h"
#include "query/replica_read.h"

namespace plumbago::query {

class SeriesReader {
 public:
  // The fanout must outlive the reader.
  explicit SeriesReader(const Fanout& fanout) : fanout_(fanout), finder_(fanout) {}

  // Answers all fetches and adds the series to `data`, ordered by name. ResourceExhausted (a limit,
  // with its flag), InvalidArgument (a pattern), DeadlineExceeded (of the request), Cancelled,
  // Unavailable (no topology yet). A shard that fails is noted in the report and is no error.
  absl::Status Read(const std::vector<functions::Fetch>& fetches, double x_files_factor,
                    functions::FetchedData& data);

  size_t series_count() const { return series_count_; }
  int64_t point_count() const { return point_count_; }
  absl::Duration expand_time() const { return expand_time_; }
  absl::Duration fetch_time() const { return fetch_time_; }
  // Series that could not be read, with the reason.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  absl::Status CountFetches(size_t count);
  absl::Status CountSeries(const std::vector<const FoundNames*>& names);
  absl::Status CountPoints(const std::vector<ReplicaRead::Part>& parts);
  functions::SeriesList Assemble(const functions::Fetch& fetch, size_t fetch_index,
                                 double x_files_factor, std::vector<ReplicaRead::Part>& parts);
  void Warn(absl::string_view metric, absl::string_view error);

  const Fanout& fanout_;
  NameFinder finder_;
  size_t fetch_count_ = 0;
  size_t series_count_ = 0;
  int64_t point_count_ = 0;
  absl::Duration expand_time_;
  absl::Duration fetch_time_;
  std::vector<std::string> warnings_;
};

}  // namespace plumbago::query

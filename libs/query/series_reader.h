// Fetches to series with their points: names of patterns, their points from the shards, and one
// series out of all its copies. Also names alone, and groups that shards reduce.
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
#include "query/group_reader.h"
#include "query/name_finder.h"
#include "query/replica_read.h"

namespace plumbago::query {

class SeriesReader {
 public:
  // The fanout must outlive the reader.
  explicit SeriesReader(const Fanout& fanout)
      : fanout_(fanout), finder_(fanout), groups_(fanout, finder_) {}

  // Answers all fetches and adds the series to `data`, ordered by name. ResourceExhausted (a limit,
  // with its flag), InvalidArgument (a pattern), DeadlineExceeded (of the request), Cancelled,
  // Unavailable (no topology yet). A shard that fails is noted in the report and is no error.
  absl::Status Read(const std::vector<functions::Fetch>& fetches, double x_files_factor,
                    functions::FetchedData& data);

  // The series without points, likewise, as far as they can be told by their names.
  absl::Status ReadNames(const std::vector<functions::Fetch>& fetches,
                         functions::FetchedData& data);

  // The rows of groups whose names were read, or the demand to read their series whole. Errors as
  // above.
  absl::Status Reduce(std::vector<functions::Reduction> reductions, functions::FetchedData& data);

  // What was read, here or by shards that reduced it.
  size_t series_count() const { return series_count_ + groups_.series_count(); }
  int64_t point_count() const { return held_point_count_ + groups_.point_count(); }
  // What was read here.
  int64_t held_point_count() const { return held_point_count_; }
  const ReductionCounts& reductions() const { return groups_.counts(); }
  absl::Duration expand_time() const { return expand_time_; }
  absl::Duration fetch_time() const { return fetch_time_; }
  // Series that could not be read, with the reason.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  absl::Status CountFetches(size_t count);
  absl::Status Expand(const std::vector<functions::Fetch>& fetches);
  // ResourceExhausted: the query would read that many more than it may.
  absl::Status CheckSeries(size_t further_count) const;
  int64_t points_left() const { return fanout_.limits.points_max - point_count(); }
  absl::Status CountPoints(const std::vector<ReplicaRead::Part>& parts);
  absl::Status CheckPoints() const;
  functions::SeriesList Assemble(const functions::Fetch& fetch, size_t fetch_index,
                                 double x_files_factor, std::vector<ReplicaRead::Part>& parts);
  void AddLookback(const functions::Fetch& fetch, size_t fetch_index, double x_files_factor,
                   std::vector<ReplicaRead::Part>& parts, functions::FetchedData& data);
  void Warn(absl::string_view metric, absl::string_view error);

  const Fanout& fanout_;
  NameFinder finder_;
  GroupReader groups_;
  size_t fetch_count_ = 0;
  size_t series_count_ = 0;  // read here
  int64_t held_point_count_ = 0;
  absl::Duration expand_time_;
  absl::Duration fetch_time_;
  std::vector<std::string> warnings_;
};

}  // namespace plumbago::query

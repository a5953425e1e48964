// Groups of series, reduced by their shards as far as that gives what reading them whole would
// (docs/adr/0011-shards-reduce-what-has-no-hot-points.md).
//
// Serves one request on one thread and blocks, each round of calls for at most the shard timeout.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "functions/evaluator.h"
#include "query/fanout.h"
#include "query/name_finder.h"

namespace plumbago::query {

struct ReductionCounts {
  size_t reduced_groups = 0;
  std::map<std::string, size_t> whole_groups = {};  // by the reason why they were not reduced
};

class GroupReader {
 public:
  // Both must outlive the reader.
  GroupReader(const Fanout& fanout, const NameFinder& finder) : fanout_(fanout), finder_(finder) {}

  // Adds to `data` the rows of each group, or demands its series whole. The finder knows all their
  // patterns. Errors are the request's own: a limit, or its time is over. A shard that fails is
  // noted in the report, and its series are left out, unless they have further owners.
  absl::Status Reduce(std::vector<functions::Reduction> reductions, int64_t points_left,
                      functions::FetchedData& data);

  // Of groups that were reduced.
  size_t series_count() const { return series_count_; }
  int64_t point_count() const { return point_count_; }
  const ReductionCounts& counts() const { return counts_; }

 private:
  const Fanout& fanout_;
  const NameFinder& finder_;
  size_t series_count_ = 0;
  int64_t point_count_ = 0;
  ReductionCounts counts_;
};

}  // namespace plumbago::query

// The series of events(): how many events there were in each second. One thread; blocks.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "functions/evaluator.h"
#include "query/event_source.h"
#include "query/fanout.h"

namespace plumbago::query {

class EventReader {
 public:
  // `source` may be null: then there are no events, and to ask for them is InvalidArgument. All
  // references must outlive the reader.
  EventReader(EventSource* source, const Fanout& fanout) : source_(source), fanout_(fanout) {}

  // Adds the series of those `fetches` that are calls of events() and returns the others. An error
  // of the source is no error here: the call has no events then, and missing() says why.
  absl::StatusOr<std::vector<functions::Fetch>> Read(const std::vector<functions::Fetch>& fetches,
                                                     double x_files_factor,
                                                     functions::FetchedData& data);

  // Not empty: events are missing in the answer.
  const std::vector<MissingShard>& missing() const { return missing_; }

 private:
  absl::StatusOr<functions::Series> ReadOne(const functions::Fetch& fetch);

  EventSource* const source_;
  const Fanout& fanout_;
  std::vector<MissingShard> missing_;
};

}  // namespace plumbago::query

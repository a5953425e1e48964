// Groups of stored series, aggregated up to a time: the store's part of plumbago.v1.Store/Reduce.
//
// What it means to whoever asks is in docs/adr/0011-shards-reduce-what-has-no-hot-points.md. One
// thread for each reducer, which blocks on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "functions/row_reducer.h"
#include "plumbago/v1/store.pb.h"
#include "store/store.h"

namespace plumbago::store_service {

// INVALID_ARGUMENT: columns of unequal length, an unknown aggregation, late indices out of order.
absl::Status CheckReduceRequest(const v1::ReduceRequest& request);

struct GroupResult {
  v1::ReducedGroup::Refusal refusal = v1::ReducedGroup::NONE;
  store::FetchedSeries shape = {};  // what all have in common; without values
  size_t row_count = 0;
  functions::RowReducer head;
  std::vector<double> tail;
  std::vector<double> late;

  static GroupResult Refused(v1::ReducedGroup::Refusal refusal);
};

class GroupReducer {
 public:
  // Both must outlive the reducer; CheckReduceRequest holds. `is_cancelled` is asked between
  // series.
  GroupReducer(store::Store& store, const v1::ReduceRequest& request,
               std::function<bool()> is_cancelled)
      : store_(store),
        request_(request),
        is_cancelled_(std::move(is_cancelled)),
        points_left_(request.max_points()) {}

  // ResourceExhausted: more points than the request allows. Cancelled: the caller is gone.
  absl::StatusOr<GroupResult> Reduce(const v1::ReduceRequest::Group& group);

 private:
  // False: the group is refused.
  bool Add(const store::FetchedSeries& fetched, uint32_t place, bool is_late, bool is_first,
           functions::Aggregation aggregation, GroupResult& result) const;

  store::Store& store_;
  const v1::ReduceRequest& request_;
  const std::function<bool()> is_cancelled_;
  uint64_t points_left_;
};

}  // namespace plumbago::store_service

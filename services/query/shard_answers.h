// Answers of shards, message by message, as the query's own types. Each function appends what one
// message holds, which it may move from; a series or group whose pieces came in several messages is
// one. Internal: a message against the contract. Pure functions.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "plumbago/v1/cache.pb.h"
#include "plumbago/v1/store.pb.h"
#include "plumbago/v1/store_admin.pb.h"
#include "query/shard_client.h"

namespace plumbago::query {

absl::Status TakeNodes(v1::FindResponse& response, std::vector<FoundNode>& nodes);
absl::Status TakeTagged(v1::FindTaggedResponse& response, std::vector<std::string>& names);
void TakeTags(v1::CompleteTagsResponse& response, std::vector<TagEntry>& entries);
// A message for each series that was refused, or that a job did not do.
void TakeRefused(v1::CreateSeriesResponse& response, std::vector<std::string>& messages);
std::vector<std::string> FailuresOf(const v1::Job& job);
absl::Status TakeStored(v1::FetchResponse& response, std::vector<StoredSeries>& list);
absl::Status TakeReduced(v1::ReduceResponse& response, std::vector<ReducedGroup>& list);
absl::Status TakeLayouts(v1::DescribeSeriesResponse& response, std::vector<SeriesLayout>& list);
absl::Status TakeHot(v1::ReadPointsResponse& response, std::vector<HotSeries>& list);

}  // namespace plumbago::query

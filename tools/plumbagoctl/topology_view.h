// How the topology is shown, and the text form of slot ranges. Pure functions.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "plumbago/v1/topology.pb.h"
#include "table.h"

namespace plumbago::ctl {

// One row a shard: addresses, state, and how many slots it holds and is preferred for.
Table ShardTable(const v1::TopologySnapshot& topology);

// One row a range of slots.
Table SlotTable(const v1::TopologySnapshot& topology);

// "0-99=a,b" or "7=a": slots and their replica set, the preferred shard first. InvalidArgument
// quotes the text.
absl::StatusOr<v1::SlotRange> ParseSlotRange(absl::string_view text);

// How many replicas most slots have; 1 where there are no slots.
uint32_t ReplicationFactorOf(const v1::TopologySnapshot& topology);

}  // namespace plumbago::ctl

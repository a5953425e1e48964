// Which shards hold which slots: the balanced spread that the tenant-controller proposes.
//
// A pure function of its arguments: the same topology gives the same answer on every machine.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::topology {

// `topology` with its slots spread over its active shards, `replication_factor` replicas a slot:
//   - replicas of a slot sit in different zones where there are as many zones, else as evenly over
//     the zones as their shards allow;
//   - within that rule no shard holds more than one slot more than another;
//   - a replica moves only where one of these two rules, or a shard that is gone, demands it;
//   - preferred replicas are spread as well, staying where they are while that is even.
// Epoch and shards stay as they are; targets of slots are cleared. InvalidArgument where the factor
// is 0, above kReplicasMax or above the number of active shards, or the current slots name unknown
// shards.
absl::StatusOr<v1::TopologySnapshot> SpreadSlots(const v1::TopologySnapshot& topology,
                                                 uint32_t replication_factor);

}  // namespace plumbago::topology

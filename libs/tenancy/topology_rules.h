// Changes of the topology: pure functions from the present one to the next.
//
// None of them touches the epoch; a result that equals its argument means that nothing changed.
// Every result is a valid topology (topology/slot_map.h).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::tenancy {

// InvalidArgument: id not of [a-z0-9-]{1,63}, a zone above 63 bytes or with control characters, an
// address that is not host:port, an unknown state.
absl::Status ValidateShard(const v1::Shard& shard);

// The first shards of a deployment, with all slots spread over them.
absl::StatusOr<v1::TopologySnapshot> FirstTopology(absl::Span<const v1::Shard> shards,
                                                   uint32_t replication_factor);

// The first shard gets all slots, a later one none until they are assigned. State: ACTIVE unless
// given. AlreadyExists, ResourceExhausted (topology::kShardsMax).
absl::StatusOr<v1::TopologySnapshot> AddShard(v1::TopologySnapshot topology, v1::Shard shard);

// Empty fields of `change` stay as they are. NotFound.
absl::StatusOr<v1::TopologySnapshot> UpdateShard(v1::TopologySnapshot topology,
                                                 const v1::Shard& change);

// NotFound; FailedPrecondition where it still has slots.
absl::StatusOr<v1::TopologySnapshot> RemoveShard(v1::TopologySnapshot topology,
                                                 const std::string& id);

// With ranges: those slots get these replica sets, the others stay. Without: the balanced spread.
// FailedPrecondition where there is no shard yet; InvalidArgument for overlapping ranges, unknown
// shards, a target (slots do not move with their series yet) or a factor that does not fit.
absl::StatusOr<v1::TopologySnapshot> AssignSlots(const v1::TopologySnapshot& topology,
                                                 const v1::AssignSlotsRequest& request);

// FailedPrecondition, naming the shard and the field, unless `topology` has each of `shards` with
// the same zone and addresses. It may have more.
absl::Status CheckShardsMatch(const v1::TopologySnapshot& topology,
                              absl::Span<const v1::Shard> shards);

}  // namespace plumbago::tenancy

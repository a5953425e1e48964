// Completes a partial placement of slots into bins (zones, or the shards of one zone) under quotas.
// Internal to the assignment of slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace plumbago::topology::internal {

// For each slot the bins that hold a replica of it; a bin occurs once per replica.
using Placement = std::vector<std::vector<uint16_t>>;

struct Bin {
  size_t quota = 0;     // replicas it must hold in the end
  size_t per_slot = 1;  // replicas of one slot it may hold
};

// Adds bins to `placement` until slot i has demand[i] of them and each bin holds its quota. What is
// placed already stays unless a later slot cannot be placed without moving it.
//
// Requires: nothing placed exceeds demand, quota or per_slot; the quotas sum up to the demands; and
// a complete placement exists. One does where each quota is its bin's share of equal shares, as
// fractions of a slot then satisfy every rule, and flows of whole numbers follow.
void CompletePlacement(const std::vector<size_t>& demand, const std::vector<Bin>& bins,
                       Placement& placement);

}  // namespace plumbago::topology::internal

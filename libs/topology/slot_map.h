// Slots and who holds them: the 4096 virtual shards, and the immutable map from a slot to its
// replica set.
//
// A SlotMap is built once from a topology message and shared by every thread that routes; a new
// epoch is a new object. Reading is thread-safe, never fails and never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "metric/slot.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::topology {

using metric::kSlotCount;
using metric::SlotOf;
inline constexpr size_t kShardsMax = 1024;
inline constexpr size_t kReplicasMax = 8;

enum class ShardState {
  kActive,
  kExcluded,  // an operator took it out: neither written nor asked
};

struct ShardInfo {
  std::string id;
  std::string zone;           // may be empty
  std::string cache_address;  // host:port of its gRPC
  std::string store_address;
  ShardState state = ShardState::kActive;
};

class SlotMap {
 public:
  // InvalidArgument, naming the slot or shard, unless: ids are distinct and not empty, states are
  // known, ranges are ordered without overlap, replica sets name known shards once each, and every
  // slot is covered once a shard exists. A message without shards and slots gives an empty map.
  static absl::StatusOr<std::shared_ptr<const SlotMap>> FromProto(
      const v1::TopologySnapshot& topology);

  uint64_t epoch() const { return epoch_; }
  const std::vector<ShardInfo>& shards() const { return shards_; }

  // Indexes into shards(), the preferred replica first; excluded shards are among them. Empty only
  // where there is no topology yet. `slot` < kSlotCount.
  absl::Span<const uint16_t> ReplicasOf(uint32_t slot) const {
    const Extent extent = replica_sets_[slot];
    return absl::MakeConstSpan(replicas_).subspan(extent.first, extent.count);
  }

 private:
  struct Extent {
    uint32_t first = 0;  // into replicas_
    uint32_t count = 0;
  };

  absl::Status ReadShards(const v1::TopologySnapshot& topology);
  absl::Status ReadSlots(const v1::TopologySnapshot& topology);
  absl::StatusOr<Extent> ReadReplicaSet(const v1::SlotRange& range);
  absl::StatusOr<uint16_t> IndexOf(const v1::SlotRange& range, const std::string& shard_id) const;

  // All const after FromProto. Slots of one range share their extent.
  uint64_t epoch_ = 0;
  std::vector<ShardInfo> shards_;
  std::vector<uint16_t> replicas_;
  std::array<Extent, kSlotCount> replica_sets_{};
};

}  // namespace plumbago::topology

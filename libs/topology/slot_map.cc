#include "topology/slot_map.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::topology {
namespace {

std::string RangeName(const v1::SlotRange& range) {
  return absl::StrCat("slots ", range.first(), "..", range.last());
}

absl::StatusOr<ShardState> StateOf(const v1::Shard& shard) {
  switch (shard.state()) {
    case v1::Shard::ACTIVE:
      return ShardState::kActive;
    case v1::Shard::EXCLUDED:
      return ShardState::kExcluded;
    default:
      return absl::InvalidArgumentError(absl::StrCat("shard \"", base::Excerpt(shard.id()),
                                                     "\" has unknown state ",
                                                     static_cast<int>(shard.state())));
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SlotMap>> SlotMap::FromProto(
    const v1::TopologySnapshot& topology) {
  auto map = std::make_shared<SlotMap>();
  map->epoch_ = topology.epoch();
  PLUMBAGO_RETURN_IF_ERROR(map->ReadShards(topology));
  PLUMBAGO_RETURN_IF_ERROR(map->ReadSlots(topology));
  return std::shared_ptr<const SlotMap>(std::move(map));
}

absl::Status SlotMap::ReadShards(const v1::TopologySnapshot& topology) {
  const size_t count = static_cast<size_t>(topology.shard_size());
  if (count > kShardsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("topology has ", count, " shards; at most ", kShardsMax, " are allowed"));
  }
  absl::flat_hash_set<std::string> seen;
  for (const v1::Shard& shard : topology.shard()) {
    if (shard.id().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("shard number ", shards_.size(), " of the topology has no id"));
    }
    if (!seen.insert(shard.id()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("shard \"", base::Excerpt(shard.id()), "\" occurs twice in the topology"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const ShardState state, StateOf(shard));
    shards_.push_back(
        {shard.id(), shard.zone(), shard.cache_address(), shard.store_address(), state});
  }
  return absl::OkStatus();
}

absl::Status SlotMap::ReadSlots(const v1::TopologySnapshot& topology) {
  uint32_t next_slot = 0;
  for (const v1::SlotRange& range : topology.slots()) {
    if (range.first() > range.last() || range.last() >= kSlotCount) {
      return absl::InvalidArgumentError(absl::StrCat(
          RangeName(range), " is not a range of slots; use 0 <= first <= last <= 4095"));
    }
    if (range.first() < next_slot) {
      return absl::InvalidArgumentError(
          absl::StrCat("slot ", range.first(), " is given twice, or its range is out of order"));
    }
    if (range.first() > next_slot) {
      return absl::InvalidArgumentError(absl::StrCat("slot ", next_slot, " has no shard"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const Extent extent, ReadReplicaSet(range));
    std::fill(replica_sets_.begin() + range.first(), replica_sets_.begin() + range.last() + 1,
              extent);
    next_slot = range.last() + 1;
  }
  if (!shards_.empty() && next_slot != kSlotCount) {
    return absl::InvalidArgumentError(absl::StrCat("slot ", next_slot, " has no shard"));
  }
  return absl::OkStatus();
}

absl::StatusOr<SlotMap::Extent> SlotMap::ReadReplicaSet(const v1::SlotRange& range) {
  const size_t count = static_cast<size_t>(range.shard_size());
  if (count == 0 || count > kReplicasMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(RangeName(range), " has ", count, " replicas; use 1 to ", kReplicasMax));
  }
  const Extent extent{static_cast<uint32_t>(replicas_.size()), static_cast<uint32_t>(count)};
  for (const std::string& shard_id : range.shard()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const uint16_t index, IndexOf(range, shard_id));
    if (std::find(replicas_.begin() + extent.first, replicas_.end(), index) != replicas_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(RangeName(range), " names shard \"", base::Excerpt(shard_id), "\" twice"));
    }
    replicas_.push_back(index);
  }
  if (!range.target().empty()) {
    PLUMBAGO_RETURN_IF_ERROR(IndexOf(range, range.target()).status());
  }
  return extent;
}

absl::StatusOr<uint16_t> SlotMap::IndexOf(const v1::SlotRange& range,
                                          const std::string& shard_id) const {
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i].id == shard_id) return static_cast<uint16_t>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(RangeName(range), " names unknown shard \"", base::Excerpt(shard_id), "\""));
}

}  // namespace plumbago::topology

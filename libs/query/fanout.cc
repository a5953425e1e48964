#include "query/fanout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbago::query {

absl::Status Fanout::CheckTopology() const {
  if (request.slot_map != nullptr && !request.slot_map->shards().empty()) return absl::OkStatus();
  return absl::UnavailableError(
      "no shards are known yet: the tenant-controller has not been reached, or has no shard");
}

absl::Status Fanout::CheckAlive() const {
  if (request.cancellation != nullptr && request.cancellation->IsCancelled()) {
    return absl::CancelledError("the query was cancelled");
  }
  if (clock.Now() < request.deadline) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("the query took longer than ", absl::FormatDuration(limits.request_timeout),
                   " (", limits.time_name, "); ask for a shorter range or fewer series"));
}

std::vector<uint16_t> Fanout::ActiveShards() const {
  std::vector<uint16_t> active;
  const std::vector<topology::ShardInfo>& shards = request.slot_map->shards();
  for (size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].state == topology::ShardState::kActive)
      active.push_back(static_cast<uint16_t>(i));
  }
  return active;
}

std::vector<uint16_t> Fanout::OwnersOf(const std::string& metric) const {
  std::vector<uint16_t> owners;
  const uint32_t slot = topology::SlotOf(request.tenant, metric);
  for (const uint16_t shard : request.slot_map->ReplicasOf(slot)) {
    if (request.slot_map->shards()[shard].state == topology::ShardState::kActive) {
      owners.push_back(shard);
    }
  }
  return owners;
}

bool Fanout::CoverAllSlots(const std::vector<bool>& is_good) const {
  for (uint32_t slot = 0; slot < topology::kSlotCount; ++slot) {
    const auto replicas = request.slot_map->ReplicasOf(slot);
    const bool is_covered = std::any_of(replicas.begin(), replicas.end(),
                                        [&](uint16_t shard) { return is_good[shard]; });
    if (!is_covered && !replicas.empty()) return false;
  }
  return true;
}

ShardCall Fanout::MakeCall() const {
  return {request.tenant, request.slot_map->epoch(),
          std::min(request.deadline, clock.Now() + limits.shard_timeout), request.cancellation};
}

bool IsOfRequest(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status);
}

}  // namespace plumbago::query

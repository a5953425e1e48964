// What one request needs to call shards: which there are, their clients, and until when.
//
// Serves one request on one thread; all references must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "query/limits.h"
#include "query/request.h"
#include "query/shard_client.h"

namespace plumbago::query {

struct Fanout {
  const RequestContext& request;
  const Limits& limits;
  ShardClients& clients;
  base::Clock& clock;
  ShardReport& report;

  // Unavailable: no shard is known yet.
  absl::Status CheckTopology() const;
  // DeadlineExceeded: the request's own time is over.
  absl::Status CheckAlive() const;

  // Indices of the shards that may be asked.
  std::vector<uint16_t> ActiveShards() const;
  // Those of them that own the metric's slot, the preferred one first.
  std::vector<uint16_t> OwnersOf(const std::string& metric) const;

  // Whether the shards marked in `is_good`, by index, have a replica of every slot that has one.
  bool CoverAllSlots(const std::vector<bool>& is_good) const;

  std::shared_ptr<ShardClient> ClientOf(uint16_t shard) const {
    return clients.Of(request.slot_map->shards()[shard]);
  }
  // Deadline: the shard timeout from now, at most the request's own.
  ShardCall MakeCall() const;
};

// Errors that are the request's own fault rather than the shard's.
bool IsOfRequest(const absl::Status& status);

}  // namespace plumbago::query

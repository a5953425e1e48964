// Shard clients with a breaker for each service of a shard, what their calls usually take, and the
// budget of hedges: a layer over the clients that really call.
//
// Thread-safe. What is known of a shard is kept by its id, also where its addresses change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/circuit_breaker.h"
#include "query/hedge_budget.h"
#include "query/latency_digest.h"
#include "query/shard_client.h"

namespace plumbago::query {

// What is known of one shard.
struct ShardHealth {
  ShardHealth(base::Clock& clock, const BreakerOptions& options)
      : store(clock, options), cache(clock, options), find(clock), fetch(clock), reduce(clock) {}

  CircuitBreaker store;
  CircuitBreaker cache;
  LatencyDigest find;   // calls for names
  LatencyDigest fetch;  // calls for points, to store and cache
  LatencyDigest reduce;
};

struct GuardOptions {
  BreakerOptions breaker;
  double hedge_share = 0.05;
};

class GuardedShards final : public ShardClients {
 public:
  // Both must outlive this object and all calls.
  GuardedShards(ShardClients& clients, base::Clock& clock, const GuardOptions& options)
      : clients_(clients), clock_(clock), options_(options), hedges_(options.hedge_share) {}

  std::shared_ptr<ShardClient> Of(const topology::ShardInfo& shard) override;
  bool TakeHedge() override { return hedges_.Take(); }
  uint64_t hedge_count() { return hedges_.taken(); }

  // What is known of a shard, made where it is new. Shared with calls under way.
  std::shared_ptr<ShardHealth> HealthOf(const std::string& shard_id);

  // Probes what has stalled or is not asked. Does not block; call it every now and then.
  void ProbeDue(const topology::SlotMap& slot_map);

  // Forgets shards that are no longer there.
  void Retain(const topology::SlotMap& slot_map);

 private:
  ShardClients& clients_;
  base::Clock& clock_;
  const GuardOptions options_;
  HedgeBudget hedges_;
  base::Mutex mutex_;
  absl::btree_map<std::string, std::shared_ptr<ShardHealth>> health_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::query

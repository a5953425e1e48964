// ShardClient over gRPC: a channel to each shard's cache and store, kept and reused. No thread
// waits for an answer; every call has a deadline.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/shard_client.h"
#include "query_metrics.h"
#include "topology/slot_map.h"

namespace plumbago::query {

// Counts running calls, so that what they use outlives them.
class CallsInFlight {
 public:
  void Begin();
  void End();
  // Blocks until no call is running; each ends by its deadline.
  void WaitForNone();

 private:
  base::Mutex mutex_;
  base::CondVar none_left_;
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class GrpcShardClients final : public ShardClients {
 public:
  // Both must outlive this object.
  GrpcShardClients(QueryMetrics& metrics, base::Clock& clock) : metrics_(metrics), clock_(clock) {}
  ~GrpcShardClients() override { calls_->WaitForNone(); }

  std::shared_ptr<ShardClient> Of(const topology::ShardInfo& shard) override;

  // Forgets the clients of shards that are no longer there; running calls go on.
  void Retain(const topology::SlotMap& slot_map);

 private:
  struct Entry {
    std::string cache_address;
    std::string store_address;
    std::shared_ptr<ShardClient> client;  // shared with requests
  };

  QueryMetrics& metrics_;
  base::Clock& clock_;
  const std::shared_ptr<CallsInFlight> calls_ = std::make_shared<CallsInFlight>();  // with clients
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by shard
};

}  // namespace plumbago::query

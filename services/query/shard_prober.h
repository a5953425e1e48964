// Has the services of shards probed that have stalled or whose breakers are open, beside the calls
// of users, until they answer. One thread, from Start() to Stop().
#pragma once

#include <thread>

#include "base/mutex.h"
#include "query/guarded_shards.h"
#include "topology/snapshot.h"

namespace plumbago::query {

class ShardProber {
 public:
  // Both must outlive the prober.
  ShardProber(GuardedShards& shards, const topology::SnapshotHolder& snapshots)
      : shards_(shards), snapshots_(snapshots) {}
  ~ShardProber() { Stop(); }

  void Start();
  void Stop();

 private:
  void Run();

  GuardedShards& shards_;
  const topology::SnapshotHolder& snapshots_;
  std::thread thread_;

  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbago::query

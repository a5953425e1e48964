// plumbago.v1.Topology over a tenancy::Registry: admin calls, and the stream that pushes snapshots
// to every service.
//
// Thread-safe. A watcher that reads slowly is sent the newest snapshot when it is ready for one:
// no more than two are held for it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "plumbago/v1/topology.grpc.pb.h"
#include "tenancy/registry.h"

namespace plumbago::tenant_controller {

class TopologyService final
    : public v1::Topology::WithCallbackMethod_WatchSnapshot<v1::Topology::Service> {
 public:
  static constexpr size_t kWatchersMax = 4096;

  // Both must outlive the service. Whoever owns the registry calls Push() after each change.
  TopologyService(tenancy::Registry& registry, base::Metrics& metrics);

  // Sends the registry's present snapshot to every watcher.
  void Push();

  // Ends every stream with UNAVAILABLE and refuses new ones: before the server shuts down.
  void Stop();

  grpc::Status GetTopology(grpc::ServerContext* context, const v1::GetTopologyRequest* request,
                           v1::TopologySnapshot* response) override;
  grpc::Status AddShard(grpc::ServerContext* context, const v1::AddShardRequest* request,
                        v1::TopologySnapshot* response) override;
  grpc::Status UpdateShard(grpc::ServerContext* context, const v1::UpdateShardRequest* request,
                           v1::TopologySnapshot* response) override;
  grpc::Status RemoveShard(grpc::ServerContext* context, const v1::RemoveShardRequest* request,
                           v1::TopologySnapshot* response) override;
  grpc::Status AssignSlots(grpc::ServerContext* context, const v1::AssignSlotsRequest* request,
                           v1::TopologySnapshot* response) override;
  grpc::ServerWriteReactor<v1::Snapshot>* WatchSnapshot(
      grpc::CallbackServerContext* context, const v1::WatchSnapshotRequest* request) override;

 private:
  class Watcher;
  using Watchers = std::vector<std::shared_ptr<Watcher>>;

  absl::Status Register(const std::shared_ptr<Watcher>& watcher);
  void Forget(Watcher* watcher);
  Watchers AllWatchers() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  tenancy::Registry& registry_;
  base::Gauge& watchers_gauge_;

  base::Mutex mutex_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Shared with a Push or Stop that is under way.
  absl::flat_hash_map<Watcher*, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::tenant_controller

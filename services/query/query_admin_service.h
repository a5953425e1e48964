// plumbago.v1.QueryAdmin over gRPC: what operators ask a query service. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include "plumbago/v1/query_admin.grpc.pb.h"
#include "query/guarded_shards.h"
#include "topology/snapshot.h"

namespace plumbago::query {

class QueryAdminService final : public v1::QueryAdmin::Service {
 public:
  // Both must outlive the service.
  QueryAdminService(GuardedShards& shards, const topology::SnapshotHolder& snapshots)
      : shards_(shards), snapshots_(snapshots) {}

  grpc::Status ListShards(grpc::ServerContext* context, const v1::ListShardsRequest* request,
                          v1::ListShardsResponse* response) override;

 private:
  GuardedShards& shards_;
  const topology::SnapshotHolder& snapshots_;
};

}  // namespace plumbago::query

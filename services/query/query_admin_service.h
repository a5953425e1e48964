// plumbago.v1.QueryAdmin over gRPC: what operators ask a query service. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include "plumbago/v1/query_admin.grpc.pb.h"
#include "query/block_list.h"
#include "query/guarded_shards.h"
#include "query/query_registry.h"
#include "topology/snapshot.h"

namespace plumbago::query {

class QueryAdminService final : public v1::QueryAdmin::Service {
 public:
  // All must outlive the service.
  QueryAdminService(GuardedShards& shards, const topology::SnapshotHolder& snapshots,
                    QueryRegistry& queries, BlockList& blocks)
      : shards_(shards), snapshots_(snapshots), queries_(queries), blocks_(blocks) {}

  grpc::Status ListShards(grpc::ServerContext* context, const v1::ListShardsRequest* request,
                          v1::ListShardsResponse* response) override;
  grpc::Status ListQueries(grpc::ServerContext* context, const v1::ListQueriesRequest* request,
                           v1::ListQueriesResponse* response) override;
  grpc::Status KillQuery(grpc::ServerContext* context, const v1::KillQueryRequest* request,
                         v1::KillQueryResponse* response) override;
  grpc::Status BlockQueries(grpc::ServerContext* context, const v1::BlockQueriesRequest* request,
                            v1::BlockRule* response) override;
  grpc::Status ListBlocks(grpc::ServerContext* context, const v1::ListBlocksRequest* request,
                          v1::ListBlocksResponse* response) override;
  grpc::Status UnblockQueries(grpc::ServerContext* context,
                              const v1::UnblockQueriesRequest* request,
                              v1::UnblockQueriesResponse* response) override;

 private:
  GuardedShards& shards_;
  const topology::SnapshotHolder& snapshots_;
  QueryRegistry& queries_;
  BlockList& blocks_;
};

}  // namespace plumbago::query

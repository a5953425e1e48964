// The calls of plumbago.v1.StoreAdmin that the index answers: disk usage, stale series, series of a
// slot. Whoever serves StoreAdmin hands them on.
//
// Thread-safe. A tenant without series is an empty answer: another shard may have some.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>

#include "index/series_index.h"
#include "plumbago/v1/store_admin.grpc.pb.h"

namespace plumbago::store_service {

class UsageRpc {
 public:
  struct Options {
    size_t branches_max = 100'000;  // in one answer
  };

  // `index` must outlive this.
  explicit UsageRpc(const index::SeriesIndex& index) : UsageRpc(index, Options()) {}
  UsageRpc(const index::SeriesIndex& index, const Options& options)
      : index_(index), options_(options) {}

  // Further errors: RESOURCE_EXHAUSTED for more than max_branches lines.
  grpc::Status DiskUsage(grpc::ServerContext* context, const v1::DiskUsageRequest* request,
                         v1::DiskUsageResponse* response);
  // Series whose last update is not known are not among them.
  grpc::Status ListStale(grpc::ServerContext* context, const v1::ListStaleRequest* request,
                         grpc::ServerWriter<v1::SeriesUsage>* writer);
  grpc::Status ListSlot(grpc::ServerContext* context, const v1::ListSlotRequest* request,
                        grpc::ServerWriter<v1::SlotSeries>* writer);

 private:
  const index::SeriesIndex& index_;
  const Options options_;
};

}  // namespace plumbago::store_service

// plumbago.v1.Store over gRPC: an adapter around store::Store without logic of its own.
//
// Write is served by callbacks, the rest by gRPC's threads. Responses of many parts are sent in
// messages of about kMessageBytes. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "index/series_index.h"
#include "plumbago/v1/store.grpc.pb.h"
#include "store/store.h"
#include "write_stream.h"

namespace plumbago::store_service {

struct StoreServiceOptions {
  size_t write_streams_max = 256;
  size_t find_matches_max = 100'000;
  size_t fetch_series_max = 1'000'000;  // in one call
  size_t completions_max = 10'000;
  size_t create_series_max = 10'000;  // in one call
  EpochSource epoch = [] { return uint64_t{0}; };
};

class StoreService final : public v1::Store::WithCallbackMethod_Write<v1::Store::Service> {
 public:
  // Both must outlive the service; the listener of `index` becomes the service's.
  StoreService(store::Store& store, index::SeriesIndex& index, const StoreServiceOptions& options);

  grpc::ServerBidiReactor<v1::WriteRequest, v1::WriteResponse>* Write(
      grpc::CallbackServerContext* context) override;
  grpc::Status Find(grpc::ServerContext* context, const v1::FindRequest* request,
                    grpc::ServerWriter<v1::FindResponse>* writer) override;
  grpc::Status ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                          grpc::ServerWriter<v1::ListSeriesResponse>* writer) override;
  grpc::Status Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::FetchResponse>* writer) override;
  grpc::Status Reduce(grpc::ServerContext* context, const v1::ReduceRequest* request,
                      grpc::ServerWriter<v1::ReduceResponse>* writer) override;
  grpc::Status DescribeSeries(grpc::ServerContext* context,
                              const v1::DescribeSeriesRequest* request,
                              grpc::ServerWriter<v1::DescribeSeriesResponse>* writer) override;
  grpc::Status FindTagged(grpc::ServerContext* context, const v1::FindTaggedRequest* request,
                          grpc::ServerWriter<v1::FindTaggedResponse>* writer) override;
  grpc::Status CompleteTags(grpc::ServerContext* context, const v1::CompleteTagsRequest* request,
                            v1::CompleteTagsResponse* response) override;
  grpc::Status CreateSeries(grpc::ServerContext* context, const v1::CreateSeriesRequest* request,
                            v1::CreateSeriesResponse* response) override;
  grpc::Status SetAggregationMethod(grpc::ServerContext* context,
                                    const v1::SetAggregationMethodRequest* request,
                                    v1::SetAggregationMethodResponse* response) override;
  grpc::Status WatchIndex(grpc::ServerContext* context, const v1::WatchIndexRequest* request,
                          grpc::ServerWriter<v1::WatchIndexResponse>* writer) override;

  // Drains the store, tells the writers their last progress, and ends their streams and all
  // watches. The other calls go on.
  void Drain();

 private:
  // Waits for a change of the index after `sequence`; false when the watch is to end.
  bool AwaitChange(const grpc::ServerContext& context, uint64_t sequence);

  store::Store& store_;
  index::SeriesIndex& index_;
  const StoreServiceOptions options_;

  base::Mutex mutex_;
  base::CondVar index_changed_;
  uint64_t index_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<WriteStream>> write_streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::store_service

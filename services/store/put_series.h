// The receiving side of StoreAdmin.PutSeries: whole whisper files from plumbagoctl and other
// stores.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "plumbago/v1/store_admin.pb.h"
#include "store/incoming_series.h"
#include "store/series_tree.h"

namespace plumbago::store_service {

// One stream. For one thread.
class PutSeriesStream {
 public:
  using Stream = grpc::ServerReaderWriter<v1::PutSeriesResponse, v1::PutSeriesRequest>;

  // Both must outlive this.
  PutSeriesStream(store::SeriesTree& tree, store::Staging& staging)
      : tree_(tree), staging_(staging) {}

  // Until the caller is done or gone.
  grpc::Status Serve(Stream& stream);

 private:
  absl::StatusOr<v1::PutSeriesResponse::Outcome> Answer(const v1::PutSeriesRequest& request);
  absl::StatusOr<v1::PutSeriesResponse::Outcome> Consider(const v1::SeriesOffer& offer);
  absl::StatusOr<bool> IsEqual(const store::SeriesName& name, const v1::SeriesOffer& offer) const;
  absl::StatusOr<v1::PutSeriesResponse::Outcome> TakeLast();

  store::SeriesTree& tree_;
  store::Staging& staging_;
  v1::SeriesOffer offer_;                            // while `incoming_` is there
  std::unique_ptr<store::IncomingSeries> incoming_;  // while chunks are awaited
  absl::Status chunk_error_;                         // of the series that is received
};

}  // namespace plumbago::store_service

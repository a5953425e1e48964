// Gives whole whisper files to a store: the sending side of StoreAdmin.PutSeries, for other stores
// and for plumbagoctl.
//
// For one thread at a time. A call that fails ends the stream; the next Put opens another.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"
#include "plumbago/v1/store_admin.grpc.pb.h"

namespace plumbago::rpc {

inline constexpr size_t kSeriesChunkBytes = 1 << 20;

// SeriesOffer.fingerprint of a file.
absl::StatusOr<uint64_t> Fingerprint(base::File& file);

class SeriesSender {
 public:
  // `peer` names the store in errors.
  SeriesSender(std::shared_ptr<grpc::Channel> channel, std::string peer);
  ~SeriesSender();  // without a sync, where Sync was not called

  // EQUAL, INSTALLED, FILLED, EXISTS or ABSENT. FailedPrecondition: this file cannot be
  // read, or was REFUSED for the reason given; the next one can be put. Unavailable and the like:
  // the stream has ended.
  absl::StatusOr<v1::PutSeriesResponse::Outcome> Put(absl::string_view tenant,
                                                     absl::string_view metric, base::File& file,
                                                     v1::SeriesOffer::Mode mode);
  absl::StatusOr<bool> Has(absl::string_view tenant, absl::string_view metric);

  // Ends the stream; what was put is durable when this returns OK.
  absl::Status Sync();

 private:
  using Stream = grpc::ClientReaderWriter<v1::PutSeriesRequest, v1::PutSeriesResponse>;

  absl::StatusOr<v1::PutSeriesResponse> Ask(const v1::PutSeriesRequest& request);
  absl::Status SendChunks(base::File& file, v1::PutSeriesResponse* response);
  absl::Status Broken();
  void Abandon();

  const std::string peer_;
  const std::unique_ptr<v1::StoreAdmin::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;  // of the stream; null without one
  std::unique_ptr<Stream> stream_;
};

}  // namespace plumbago::rpc

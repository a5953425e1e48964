#include "rpc/series_sender.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::rpc {
namespace {

absl::Status Unreadable(const absl::Status& status) {
  return absl::FailedPreconditionError(status.message());
}

}  // namespace

absl::StatusOr<uint64_t> Fingerprint(base::File& file) {
  // The hash so far, then the next bytes.
  std::string piece(sizeof(uint64_t) + kSeriesChunkBytes, '\0');
  uint64_t hash = 0;
  for (uint64_t offset = 0;;) {
    for (size_t i = 0; i < sizeof(hash); ++i) piece[i] = static_cast<char>(hash >> (8 * i));
    PLUMBAGO_ASSIGN_OR_RETURN(const size_t count,
                              file.ReadAt(offset, piece.data() + sizeof(hash), kSeriesChunkBytes));
    if (count == 0) return hash;
    hash = base::Hash64(absl::string_view(piece.data(), sizeof(hash) + count));
    offset += count;
  }
}

SeriesSender::SeriesSender(std::shared_ptr<grpc::Channel> channel, std::string peer)
    : peer_(std::move(peer)), stub_(v1::StoreAdmin::NewStub(std::move(channel))) {}

SeriesSender::~SeriesSender() { Abandon(); }

void SeriesSender::Abandon() {
  if (stream_ == nullptr) return;
  context_->TryCancel();
  stream_->Finish();
  stream_.reset();
  context_.reset();
}

absl::StatusOr<v1::PutSeriesResponse::Outcome> SeriesSender::Put(absl::string_view tenant,
                                                                 absl::string_view metric,
                                                                 base::File& file,
                                                                 v1::SeriesOffer::Mode mode) {
  v1::PutSeriesRequest request;
  v1::SeriesOffer& offer = *request.mutable_offer();
  offer.set_tenant(std::string(tenant));
  offer.set_metric(std::string(metric));
  offer.set_mode(mode);
  const auto file_bytes = file.Size();
  if (!file_bytes.ok()) return Unreadable(file_bytes.status());
  const auto fingerprint = Fingerprint(file);
  if (!fingerprint.ok()) return Unreadable(fingerprint.status());
  offer.set_file_bytes(*file_bytes);
  offer.set_fingerprint(*fingerprint);
  PLUMBAGO_ASSIGN_OR_RETURN(v1::PutSeriesResponse response, Ask(request));
  if (response.outcome() == v1::PutSeriesResponse::SEND) {
    PLUMBAGO_RETURN_IF_ERROR(SendChunks(file, &response));
  }
  if (response.outcome() != v1::PutSeriesResponse::REFUSED) return response.outcome();
  return absl::FailedPreconditionError(response.error());
}

absl::StatusOr<bool> SeriesSender::Has(absl::string_view tenant, absl::string_view metric) {
  v1::PutSeriesRequest request;
  request.mutable_offer()->set_tenant(std::string(tenant));
  request.mutable_offer()->set_metric(std::string(metric));
  request.mutable_offer()->set_mode(v1::SeriesOffer::PROBE);
  PLUMBAGO_ASSIGN_OR_RETURN(const v1::PutSeriesResponse response, Ask(request));
  if (response.outcome() == v1::PutSeriesResponse::REFUSED) {
    return absl::FailedPreconditionError(response.error());
  }
  return response.outcome() == v1::PutSeriesResponse::EXISTS;
}

absl::Status SeriesSender::Sync() {
  if (stream_ == nullptr) return absl::OkStatus();
  stream_->WritesDone();
  return Broken();
}

absl::StatusOr<v1::PutSeriesResponse> SeriesSender::Ask(const v1::PutSeriesRequest& request) {
  if (stream_ == nullptr) {
    context_ = std::make_unique<grpc::ClientContext>();
    stream_ = stub_->PutSeries(context_.get());
  }
  v1::PutSeriesResponse response;
  if (stream_->Write(request) && stream_->Read(&response)) return response;
  absl::Status status = Broken();
  if (!status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(peer_, " ended the stream"));
}

absl::Status SeriesSender::SendChunks(base::File& file, v1::PutSeriesResponse* response) {
  v1::PutSeriesRequest request;
  for (uint64_t offset = 0;;) {
    std::string& chunk = *request.mutable_chunk();
    chunk.resize(kSeriesChunkBytes);
    const auto count = file.ReadAt(offset, chunk.data(), chunk.size());
    if (!count.ok()) {  // what was sent of it must not be taken for the whole
      Abandon();
      return Unreadable(count.status());
    }
    chunk.resize(*count);
    offset += *count;
    if (*count < kSeriesChunkBytes) break;
    if (!stream_->Write(request)) return Broken();
  }
  request.set_is_last_chunk(true);
  PLUMBAGO_ASSIGN_OR_RETURN(*response, Ask(request));
  return absl::OkStatus();
}

absl::Status SeriesSender::Broken() {
  const grpc::Status status = stream_->Finish();
  stream_.reset();
  context_.reset();
  return status.ok() ? absl::OkStatus() : FromGrpc(status, peer_);
}

}  // namespace plumbago::rpc

#include "put_series.h"

#include <utility>

#include "base/status.h"
#include "rpc/series_sender.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

using Response = v1::PutSeriesResponse;

store::PutMode ModeOf(v1::SeriesOffer::Mode mode) {
  if (mode == v1::SeriesOffer::FILL_ONLY) return store::PutMode::kFillOnly;
  if (mode == v1::SeriesOffer::CREATE_ONLY) return store::PutMode::kCreateOnly;
  return store::PutMode::kCreateOrFill;
}

Response::Outcome OutcomeOf(store::PutOutcome outcome) {
  switch (outcome) {
    case store::PutOutcome::kInstalled:
      return Response::INSTALLED;
    case store::PutOutcome::kFilled:
      return Response::FILLED;
    case store::PutOutcome::kExists:
      return Response::EXISTS;
    case store::PutOutcome::kAbsent:
      return Response::ABSENT;
  }
  return Response::OUTCOME_UNSPECIFIED;
}

}  // namespace

grpc::Status PutSeriesStream::Serve(Stream& stream) {
  v1::PutSeriesRequest request;
  while (stream.Read(&request)) {
    if (request.has_offer() == (incoming_ != nullptr)) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                          incoming_ ? "an offer came where a chunk was awaited"
                                    : "a chunk came without an offer that was answered with SEND");
    }
    if (!request.has_offer() && !request.is_last_chunk()) {
      if (chunk_error_.ok()) chunk_error_ = incoming_->Append(request.chunk());
      continue;
    }
    const auto outcome = Answer(request);
    if (absl::IsUnavailable(outcome.status())) return rpc::ToGrpc(outcome.status());  // a drain
    Response response;
    response.set_outcome(outcome.ok() ? *outcome : Response::REFUSED);
    if (!outcome.ok()) response.set_error(std::string(outcome.status().message()));
    if (!stream.Write(response)) {
      return grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone");
    }
  }
  return rpc::ToGrpc(tree_.file_system().SyncFileSystem(tree_.directory()));
}

absl::StatusOr<Response::Outcome> PutSeriesStream::Answer(const v1::PutSeriesRequest& request) {
  if (request.has_offer()) return Consider(request.offer());
  if (chunk_error_.ok()) chunk_error_ = incoming_->Append(request.chunk());
  return TakeLast();
}

absl::StatusOr<Response::Outcome> PutSeriesStream::Consider(const v1::SeriesOffer& offer) {
  const store::SeriesName name(offer.tenant(), offer.metric());
  const absl::Status present = tree_.Stat(name).status();
  if (!present.ok() && !absl::IsNotFound(present)) return present;
  switch (offer.mode()) {
    case v1::SeriesOffer::PROBE:
      return present.ok() ? Response::EXISTS : Response::ABSENT;
    case v1::SeriesOffer::FILL_ONLY:
      if (!present.ok()) return Response::ABSENT;
      break;
    case v1::SeriesOffer::CREATE_ONLY:
      if (present.ok()) return Response::EXISTS;
      break;
    case v1::SeriesOffer::CREATE_OR_FILL:
      break;
    default:
      return absl::InvalidArgumentError("the offer has no mode that this store knows");
  }
  if (present.ok()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const bool is_equal, IsEqual(name, offer));
    if (is_equal) return Response::EQUAL;
  }
  offer_ = offer;
  chunk_error_ = absl::OkStatus();
  incoming_ = std::make_unique<store::IncomingSeries>(tree_, staging_);
  return Response::SEND;
}

// A file that is written meanwhile may look different, and is then filled.
absl::StatusOr<bool> PutSeriesStream::IsEqual(const store::SeriesName& name,
                                              const v1::SeriesOffer& offer) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, tree_.PathOf(name));
  const auto file = tree_.file_system().OpenForRead(path);
  if (absl::IsNotFound(file.status())) return false;
  if (!file.ok()) return file.status();
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t file_bytes, (*file)->Size());
  if (file_bytes != offer.file_bytes()) return false;
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t fingerprint, rpc::Fingerprint(**file));
  return fingerprint == offer.fingerprint();
}

absl::StatusOr<Response::Outcome> PutSeriesStream::TakeLast() {
  const auto incoming = std::move(incoming_);
  PLUMBAGO_RETURN_IF_ERROR(chunk_error_);
  PLUMBAGO_ASSIGN_OR_RETURN(
      const store::PutOutcome outcome,
      incoming->Commit(store::SeriesName(offer_.tenant(), offer_.metric()), ModeOf(offer_.mode())));
  return OutcomeOf(outcome);
}

}  // namespace plumbago::store_service

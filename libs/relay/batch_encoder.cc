#include "relay/batch_encoder.h"

#include <utility>

namespace plumbago::relay {
namespace {

protocols::OutgoingProtocol OutgoingOf(routing::Protocol protocol) {
  switch (protocol) {
    case routing::Protocol::kPickle:
      return protocols::OutgoingProtocol::kPickle;
    case routing::Protocol::kOpenTsdb:
      return protocols::OutgoingProtocol::kOpenTsdb;
    case routing::Protocol::kPlaintext:
    case routing::Protocol::kFile:
    case routing::Protocol::kFileIp:
      break;
  }
  return protocols::OutgoingProtocol::kPlaintext;
}

std::unique_ptr<protocols::Compressor> CompressorOf(routing::Compression compression) {
  switch (compression) {
    case routing::Compression::kGzip:
      return protocols::MakeCompressor(protocols::Compression::kGzip);
    case routing::Compression::kSnappy:
      return protocols::MakeCompressor(protocols::Compression::kSnappy);
    case routing::Compression::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

BatchEncoder::BatchEncoder(const routing::Endpoint& endpoint)
    : is_by_line_(endpoint.protocol != routing::Protocol::kPickle),
      points_(protocols::MakePointEncoder(OutgoingOf(endpoint.protocol))),
      compressor_(CompressorOf(endpoint.compression)) {}

size_t BatchEncoder::Encode(const Batch& batch, size_t first, size_t piece_bytes,
                            std::string* out) {
  plain_.clear();
  size_t next = first;
  for (; next < batch.point_count() && plain_.size() < piece_bytes; ++next) {
    const SeriesName name = batch.names->Get(batch.points.series_id()[next]);
    const size_t before = plain_.size();
    const bool is_written = points_->Append(
        {name.tenant, name.metric, batch.points.time_seconds()[next], batch.points.value()[next]},
        &plain_);
    if (is_by_line_ && before > 0 && plain_.size() > piece_bytes) {
      plain_.resize(before);
      break;
    }
    if (!is_written) ++refused_count_;
  }
  if (next == batch.point_count()) points_->Finish(&plain_);
  if (compressor_ == nullptr) {
    out->append(plain_);
  } else if (!plain_.empty()) {
    compressor_->Append(plain_, out);
  }
  return next;
}

uint64_t BatchEncoder::TakeRefusedCount() { return std::exchange(refused_count_, 0); }

}  // namespace plumbago::relay

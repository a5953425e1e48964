// The messages of the stream from relay to cache as gRPC writes them: the columns of a batch are
// sent from where they lie. As messages of protobuf they would be copied twice.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "plumbago/v1/ingest.pb.h"

namespace plumbago::rpc {

// Columns of equal length in memory that `owner` keeps, and that nobody changes any more.
struct BorrowedColumns {
  absl::Span<const uint32_t> series_id;
  absl::Span<const uint32_t> time_seconds;
  absl::Span<const double> value;
  std::shared_ptr<const char[]> owner;
};

// An IngestRequest with a batch: what `head` has, and the columns, which `head` must not have.
grpc::ByteBuffer EncodeBatch(const v1::PointBatch& head, const BorrowedColumns& columns);

// An IngestRequest with a hello.
grpc::ByteBuffer EncodeHello(const v1::StreamHello& hello);

}  // namespace plumbago::rpc

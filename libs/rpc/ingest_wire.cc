#include "rpc/ingest_wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/slice.h>

#include <array>
#include <string>

namespace plumbago::rpc {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed32 and double are little-endian");

// What stands before the bytes of a field with a length.
void AppendFieldHead(int field_number, size_t size_bytes, std::string* out) {
  std::array<uint8_t, 2 * 5> bytes;  // two varints of 32 bits
  uint8_t* end = CodedOutputStream::WriteTagToArray(
      WireFormatLite::MakeTag(field_number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
      bytes.data());
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size_bytes), end);
  out->append(reinterpret_cast<const char*>(bytes.data()), end - bytes.data());
}

template <typename Number>
grpc::Slice Borrow(absl::Span<const Number> column, const std::shared_ptr<const char[]>& owner) {
  using Owner = std::shared_ptr<const char[]>;
  return grpc::Slice(
      const_cast<Number*>(column.data()), column.size() * sizeof(Number),
      [](void* keeper) { delete static_cast<Owner*>(keeper); }, new Owner(owner));
}

}  // namespace

grpc::ByteBuffer EncodeBatch(const v1::PointBatch& head, const BorrowedColumns& columns) {
  const size_t count = columns.series_id.size();
  std::string id_head;
  std::string time_head;
  std::string value_head;
  AppendFieldHead(v1::PointBatch::kSeriesIdFieldNumber, count * sizeof(uint32_t), &id_head);
  AppendFieldHead(v1::PointBatch::kTimeFieldNumber, count * sizeof(uint32_t), &time_head);
  AppendFieldHead(v1::PointBatch::kValueFieldNumber, count * sizeof(double), &value_head);

  const std::string fields = head.SerializeAsString();
  const size_t batch_bytes = fields.size() + id_head.size() + time_head.size() + value_head.size() +
                             count * (2 * sizeof(uint32_t) + sizeof(double));
  std::string begin;
  AppendFieldHead(v1::IngestRequest::kBatchFieldNumber, batch_bytes, &begin);
  begin.append(fields).append(id_head);

  const std::array<grpc::Slice, 6> slices = {
      grpc::Slice(begin),      Borrow(columns.series_id, columns.owner),
      grpc::Slice(time_head),  Borrow(columns.time_seconds, columns.owner),
      grpc::Slice(value_head), Borrow(columns.value, columns.owner)};
  return grpc::ByteBuffer(slices.data(), slices.size());
}

grpc::ByteBuffer EncodeHello(const v1::StreamHello& hello) {
  v1::IngestRequest request;
  *request.mutable_hello() = hello;
  const grpc::Slice slice(request.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace plumbago::rpc

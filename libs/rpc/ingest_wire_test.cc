// Proves that what is sent without protobuf's help is what protobuf would have sent, and that it
// lives as long as gRPC holds it.
#include "rpc/ingest_wire.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "rpc/series_definitions.h"

namespace plumbago::rpc {
namespace {

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  REQUIRE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

struct Columns {
  explicit Columns(size_t count)
      : memory(std::make_shared<char[]>(count * 16)),
        value(reinterpret_cast<double*>(memory.get()), count),
        series_id(reinterpret_cast<uint32_t*>(memory.get() + count * 8), count),
        time_seconds(reinterpret_cast<uint32_t*>(memory.get() + count * 12), count) {
    std::iota(value.begin(), value.end(), -0.5);
    std::iota(series_id.begin(), series_id.end(), 0u);
    std::iota(time_seconds.begin(), time_seconds.end(), 4'294'000'000u);
  }
  BorrowedColumns Borrowed() const { return {series_id, time_seconds, value, memory}; }

  std::shared_ptr<char[]> memory;
  absl::Span<double> value;
  absl::Span<uint32_t> series_id;
  absl::Span<uint32_t> time_seconds;
};

TEST_CASE("EncodeBatch writes what protobuf writes", "[rpc]") {
  for (const size_t count : {1, 7, 8, 31, 32, 8'192, 12'000}) {
    CAPTURE(count);
    const Columns columns(count);
    v1::PointBatch head;
    head.set_sequence(count);
    head.set_epoch(3);
    head.set_received_unix_ms(-1);
    AppendDefinition(0, "tenant", "a.b.c", head.mutable_definitions());

    v1::IngestRequest expected;
    *expected.mutable_batch() = head;
    expected.mutable_batch()->mutable_series_id()->Add(columns.series_id.begin(),
                                                       columns.series_id.end());
    expected.mutable_batch()->mutable_time()->Add(columns.time_seconds.begin(),
                                                  columns.time_seconds.end());
    expected.mutable_batch()->mutable_value()->Add(columns.value.begin(), columns.value.end());
    REQUIRE(BytesOf(EncodeBatch(head, columns.Borrowed())) == expected.SerializeAsString());
  }
}

TEST_CASE("EncodeBatch keeps the columns until gRPC lets go of them", "[rpc]") {
  std::weak_ptr<char[]> memory;
  grpc::ByteBuffer buffer;
  {
    const Columns columns(1'000);
    memory = columns.memory;
    buffer = EncodeBatch({}, columns.Borrowed());
  }
  CHECK(!memory.expired());
  buffer.Clear();
  CHECK(memory.expired());
}

TEST_CASE("EncodeHello writes what protobuf writes", "[rpc]") {
  v1::IngestRequest expected;
  expected.mutable_hello()->set_relay("relay-1/0");
  CHECK(BytesOf(EncodeHello(expected.hello())) == expected.SerializeAsString());
}

}  // namespace
}  // namespace plumbago::rpc

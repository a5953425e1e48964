// Proves that Prometheus' requests and carbon's protobuf become the points they mean, and that no
// memory is taken on the word of the input. Messages are built with protobuf's own serialiser.
#include "protocols/remote_write.h"

#include <snappy.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "foreign/carbon.pb.h"
#include "foreign/prometheus.pb.h"
#include "metric/metric_name.h"
#include "protocols/carbon_protobuf.h"
#include "protocols/internal/submessages.h"
#include "protocols/testing/recording_sink.h"

namespace plumbago::protocols {
namespace {

using Strings = std::vector<std::string>;

double StaleMarker() {
  const uint64_t bits = 0x7ff0000000000002;
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

foreign::prometheus::TimeSeries* AddSeries(
    foreign::prometheus::WriteRequest* request,
    const std::vector<std::pair<std::string, std::string>>& labels) {
  auto* series = request->add_timeseries();
  for (const auto& [name, value] : labels) {
    auto* label = series->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  return series;
}

void AddSample(foreign::prometheus::TimeSeries* series, double value, int64_t milliseconds) {
  auto* sample = series->add_samples();
  sample->set_value(value);
  sample->set_timestamp(milliseconds);
}

std::string Compress(const std::string& bytes) {
  std::string compressed;
  snappy::Compress(bytes.data(), bytes.size(), &compressed);
  return compressed;
}

RecordingSink Decode(const foreign::prometheus::WriteRequest& request) {
  RecordingSink sink;
  const absl::Status status =
      DecodeRemoteWrite(Compress(request.SerializeAsString()), kRemoteWriteBytesMaxDefault, sink);
  INFO(status);
  CHECK(status.ok());
  return sink;
}

TEST_CASE("DecodeRemoteWrite turns labels into tags and milliseconds into seconds", "[protocols]") {
  foreign::prometheus::WriteRequest request;
  auto* series = AddSeries(
      &request, {{"__name__", "up"}, {"instance", "a:9090"}, {"job", "a b"}, {"name", "n"}});
  AddSample(series, 1, 1'700'000'000'999);
  AddSample(series, -0.5, 1'700'000'015'000);
  AddSample(AddSeries(&request, {{"a", "b"}, {"__name__", "x:y"}}), 2, 1000);
  const RecordingSink sink = Decode(request);
  CHECK(sink.Lines() == Strings{"up;instance=a:9090;job=a%20b;exported_name=n 1 1700000000",
                                "up;instance=a:9090;job=a%20b;exported_name=n -0.5 1700000015",
                                "x:y;a=b 2 1"});
  CHECK(sink.refusals.empty());
  CHECK(sink.points[2].position == 2);
}

TEST_CASE("DecodeRemoteWrite counts what Graphite cannot store", "[protocols]") {
  foreign::prometheus::WriteRequest request;
  auto* series = AddSeries(&request, {{"__name__", "up"}});
  AddSample(series, StaleMarker(), 1'700'000'000'000);
  AddSample(series, std::nan(""), 1'700'000'000'000);
  AddSample(series, 1, 999);
  AddSample(series, 1, -1000);
  AddSample(series, 1, 4'294'967'295'999);
  AddSample(series, 1, 4'294'967'296'000);
  series->add_histograms();
  AddSample(AddSeries(&request, {{"job", "x"}}), 1, 1'700'000'000'000);
  AddSample(AddSeries(&request, {{"__name__", "m"}, {"k", std::string(2000, 'v')}}), 1, 1'000'000);
  const RecordingSink sink = Decode(request);
  CHECK(sink.Lines() == Strings{"up 1 4294967295"});
  CHECK(sink.refusals == Strings{"stale_marker@1", "bad_value@1", "time_out_of_range@1",
                                 "time_out_of_range@1", "time_out_of_range@1", "native_histogram@1",
                                 "no_name@2", "name_too_long@3"});
}

TEST_CASE("DecodeRemoteWrite checks the uncompressed size before it inflates", "[protocols]") {
  const std::string body = Compress(std::string(1000, '\0'));
  CHECK(InflateSnappyBlock(body, 1001).ok());
  CHECK(InflateSnappyBlock(body, 1000).ok());
  CHECK(absl::IsResourceExhausted(InflateSnappyBlock(body, 999).status()));
  RecordingSink sink;
  CHECK(absl::IsResourceExhausted(DecodeRemoteWrite(body, 999, sink)));
  CHECK(sink.refusals == Strings{"too_large@0"});
  // Four bytes that announce 16 MiB.
  CHECK(absl::IsInvalidArgument(
      InflateSnappyBlock("\x80\x80\x80\x08", kRemoteWriteBytesMaxDefault).status()));
  CHECK_FALSE(InflateSnappyBlock("", 1000).ok());
  CHECK_FALSE(InflateSnappyBlock(absl::string_view(body).substr(0, body.size() - 1), 1000).ok());
}

TEST_CASE("DecodeWriteRequest refuses what is cut off, and keeps the series before it",
          "[protocols]") {
  foreign::prometheus::WriteRequest request;
  AddSample(AddSeries(&request, {{"__name__", "a"}}), 1, 1'700'000'000'000);
  const size_t first_bytes = request.SerializeAsString().size();
  AddSample(AddSeries(&request, {{"__name__", "b"}}), 1, 1'700'000'000'000);
  const std::string bytes = request.SerializeAsString();
  for (size_t size = 0; size < bytes.size(); ++size) {
    RecordingSink sink;
    const bool is_whole = size == 0 || size == first_bytes;
    CHECK(DecodeWriteRequest(bytes.substr(0, size), sink).ok() == is_whole);
    CHECK(sink.points.size() == (size >= first_bytes ? 1 : 0));
  }
}

TEST_CASE("DecodeCarbonProtobuf hands on every point and counts the bad ones", "[protocols]") {
  foreign::carbon::Payload payload;
  const auto add = [&](const std::string& name, uint32_t timestamp, double value) {
    auto* metric = payload.add_metrics();
    metric->set_metric(name);
    auto* point = metric->add_points();
    point->set_timestamp(timestamp);
    point->set_value(value);
    return metric;
  };
  auto* second = add("a.b", 5, 1.5)->add_points();
  second->set_timestamp(6);
  second->set_value(-1);
  add("", 5, 1);
  add("nan", 5, std::nan(""));
  add("zero", 0, 1);
  add(std::string(metric::kMetricBytesMax, 'n'), 5, 1);
  add(std::string(metric::kMetricBytesMax + 1, 'n'), 5, 1);
  RecordingSink sink;
  CHECK(DecodeCarbonProtobuf(payload.SerializeAsString(), sink).ok());
  REQUIRE(sink.points.size() == 3);
  CHECK(sink.Lines()[0] == "a.b 1.5 5");
  CHECK(sink.Lines()[1] == "a.b -1 6");
  CHECK(sink.refusals ==
        Strings{"no_name@2", "bad_value@3", "time_out_of_range@4", "name_too_long@6"});
  RecordingSink broken;
  CHECK(absl::IsInvalidArgument(DecodeCarbonProtobuf("a.b 1 2\n", broken)));
  CHECK(broken.refusals == Strings{"malformed@0"});
}

TEST_CASE("ForEachSubmessage skips other fields and bounds one submessage", "[protocols]") {
  using internal::ForEachSubmessage;
  using internal::WalkResult;
  Strings seen;
  const auto record = [&](absl::string_view bytes) {
    seen.emplace_back(bytes);
    return true;
  };
  // Fields 2 to 5 in every wire type, and field 1 as a number.
  const std::string mixed(
      "\x0a\x01x\x10\x81\x01\x19"
      "12345678"
      "\x25"
      "1234"
      "\x2a\x02zz\x08\x05\x0a\0",
      29);
  CHECK(ForEachSubmessage(mixed, 1, record) == WalkResult::kOk);
  CHECK(seen == Strings{"x", ""});
  CHECK(ForEachSubmessage("\x0b\x0c", 1, record) == WalkResult::kMalformed);  // a group
  CHECK(ForEachSubmessage("\x0a\x05"
                          "abc",
                          1, record) == WalkResult::kMalformed);
  CHECK(ForEachSubmessage("\x0a\x01x", 1, [](absl::string_view) { return false; }) ==
        WalkResult::kStopped);
  const auto of_size = [&](size_t size) {
    std::string message = "\x0a";
    for (size_t rest = size; rest > 0; rest >>= 7) {
      message.push_back(static_cast<char>((rest & 127) | (rest > 127 ? 128 : 0)));
    }
    return ForEachSubmessage(message + std::string(size, 'x'), 1, record);
  };
  CHECK(of_size(internal::kSubmessageBytesMax - 1) == WalkResult::kOk);
  CHECK(of_size(internal::kSubmessageBytesMax) == WalkResult::kOk);
  CHECK(of_size(internal::kSubmessageBytesMax + 1) == WalkResult::kTooLarge);
}

}  // namespace
}  // namespace plumbago::protocols

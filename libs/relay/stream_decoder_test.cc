// Proves that the bytes of each protocol's connection reach the router however they are cut, and
// which faults end the connection.
#include "relay/stream_decoder.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "relay/testing/slot_maps.h"

namespace plumbago::relay {
namespace {

// What `router` sends to its only shard.
class RecordingStream final : public BatchStream {
 public:
  explicit RecordingStream(std::multiset<std::string>& points) : points_(points) {}
  void Send(std::unique_ptr<Batch> batch) override {
    for (size_t i = 0; i < batch->point_count(); ++i) {
      points_.insert(std::string(batch->names->Get(batch->points.series_id()[i]).metric) + " " +
                     std::to_string(static_cast<int>(batch->points.value()[i])) + " " +
                     std::to_string(batch->points.time_seconds()[i]));
    }
  }
  size_t unacknowledged_bytes() const override { return 0; }
  uint64_t acknowledged_count() const override { return 0; }
  bool is_failing() override { return false; }
  std::vector<std::unique_ptr<Batch>> TakeBack() override { return {}; }

 private:
  std::multiset<std::string>& points_;
};

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::multiset<std::string> points;
  std::string replies;
  protocols::StatsdAggregator statsd{protocols::StatsdOptions(), clock};
  PointRouter router{{}, clock, metrics, {.make_stream = [this](const auto&) {
                       return std::make_unique<RecordingStream>(points);
                     }}};

  Fixture() { router.SetSlotMap(testing::SlotMapOf()); }

  // Feeds `bytes` in pieces of `piece_bytes` until an error.
  absl::Status Feed(Protocol protocol, const std::string& bytes, size_t piece_bytes,
                    std::optional<protocols::Compression> compression = std::nullopt) {
    router.SetSource({0, protocol});
    const auto decoder = MakeStreamDecoder(
        protocol, compression,
        {router, clock, &statsd, [this](absl::string_view text) { replies += std::string(text); }});
    absl::Status status;
    for (size_t at = 0; at < bytes.size() && status.ok(); at += piece_bytes) {
      status = decoder->Feed(absl::string_view(bytes).substr(at, piece_bytes));
    }
    router.Flush();
    return status;
  }
  double Dropped(Protocol protocol, DropReason reason) {
    return metrics.dropped("default", protocol, reason).Value();
  }
};

using Points = std::multiset<std::string>;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Frame(const std::string& payload) {
  std::string frame(4, '\0');
  for (int i = 0; i < 4; ++i) {
    frame[i] = static_cast<char>((payload.size() >> (24 - 8 * i)) & 0xff);
  }
  return frame + payload;
}

// pickle.dumps([("p.q", (1700000001, 7))], protocol=2)
const std::string kPickle(
    "\x80\x02]q\0X\x03\0\0\0p.qq\x01J\x01\xf1\x53\x65K\x07\x86q\x02\x86q\x03"
    "a.",
    30);

TEST_CASE("StreamDecoder brings pickles to the router however they are cut", "[relay]") {
  for (const size_t piece : {1, 3, 1000}) {
    Fixture f;
    CHECK(f.Feed(Protocol::kPickle, Frame(kPickle) + Frame(kPickle), piece).ok());
    CHECK(f.points == Points{"p.q 7 1700000001", "p.q 7 1700000001"});
  }
}

TEST_CASE("StreamDecoder ends at a pickle with a class and counts it", "[relay]") {
  Fixture f;
  CHECK(f.Feed(Protocol::kPickle, Frame("cos\nsystem\n(S'x'\ntR.") + Frame(kPickle), 1000).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(f.points.empty());
  CHECK(f.Dropped(Protocol::kPickle, DropReason::kPickleClass) == 1);
}

TEST_CASE("StreamDecoder ends at a frame over its bound and counts it", "[relay]") {
  Fixture f;
  CHECK(f.Feed(Protocol::kPickle, "\x7f\xff\xff\xff", 1).code() ==
        absl::StatusCode::kResourceExhausted);
  CHECK(f.Dropped(Protocol::kPickle, DropReason::kTooLarge) == 1);
}

TEST_CASE("StreamDecoder answers OpenTSDB's clients as they expect", "[relay]") {
  Fixture f;
  const absl::Status status =
      f.Feed(Protocol::kOpentsdb,
             "version\nput m 1700000001 5 b=2 a=1\nput m x 5\nexit\nput late 1700000001 5\n", 7);
  CHECK(status.code() == absl::StatusCode::kCancelled);
  CHECK(f.points == Points{"m;a=1;b=2 5 1700000001"});
  CHECK(f.replies == "plumbago\nput: illegal argument: put m x 5\n");
  CHECK(f.Dropped(Protocol::kOpentsdb, DropReason::kBadTimestamp) == 1);
}

TEST_CASE("StreamDecoder gives StatsD's lines to the aggregator", "[relay]") {
  Fixture f;
  CHECK(f.Feed(Protocol::kStatsd, "k:1|c\nk:2|c\nbad\n", 4).ok());
  CHECK(f.statsd.key_count() == 1);
}

TEST_CASE("StreamDecoder inflates any protocol and refuses what is no stream", "[relay]") {
  for (const size_t piece : {1, 1000}) {
    Fixture f;
    CHECK(f.Feed(Protocol::kPlaintext, Gzip("a 1 1\nb 2 2\n") + Gzip("c 3 3\n"), piece,
                 protocols::Compression::kGzip)
              .ok());
    CHECK(f.points == Points{"a 1 1", "b 2 2", "c 3 3"});
  }
  Fixture f;
  CHECK_FALSE(f.Feed(Protocol::kPlaintext, "a 1 1\n", 100, protocols::Compression::kGzip).ok());
  CHECK(f.Dropped(Protocol::kPlaintext, DropReason::kMalformed) == 1);
}

TEST_CASE("StreamDecoder ends at a decompression bomb", "[relay]") {
  Fixture f;
  const absl::Status status =
      f.Feed(Protocol::kPlaintext, Gzip(std::string(size_t{200} << 20, '\n')), 16384,
             protocols::Compression::kGzip);
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
  CHECK(f.Dropped(Protocol::kPlaintext, DropReason::kTooLarge) == 1);
}

}  // namespace
}  // namespace plumbago::relay

// Proves that what is written for foreign receivers is read back as the same points by the
// decoders of this library, whatever the names and values, and which points cannot be written.
// Python's unpickler and carbon's daemons read it in tests/conformance and tests/integration.
#include "protocols/point_encoder.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "metric/metric_name.h"
#include "protocols/compressor.h"
#include "protocols/pickle.h"
#include "protocols/plaintext_body.h"
#include "protocols/telnet_line.h"
#include "protocols/testing/recording_sink.h"

namespace plumbago::protocols {
namespace {

constexpr uint32_t kNow = 1'700'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Encoded {
  std::string bytes;
  size_t refused_count = 0;
};

Encoded Encode(OutgoingProtocol protocol, const std::vector<OutgoingPoint>& points) {
  Encoded encoded;
  const auto encoder = MakePointEncoder(protocol);
  for (const OutgoingPoint& point : points) {
    if (!encoder->Append(point, &encoded.bytes)) ++encoded.refused_count;
  }
  encoder->Finish(&encoded.bytes);
  return encoded;
}

std::string EncodeOne(OutgoingProtocol protocol, absl::string_view metric, double value = 1) {
  return Encode(protocol, {{"t", metric, 1'700'000'000, value}}).bytes;
}

// The payloads of frames.
std::vector<std::string> CutFrames(absl::string_view bytes) {
  std::vector<std::string> payloads;
  while (!bytes.empty()) {
    REQUIRE(bytes.size() >= 4);
    size_t size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
    bytes.remove_prefix(4);
    REQUIRE(bytes.size() >= size);
    payloads.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return payloads;
}

RecordingSink Decode(OutgoingProtocol protocol, const std::string& bytes) {
  RecordingSink sink;
  if (protocol == OutgoingProtocol::kPlaintext) DecodePlaintextBody(bytes, kNow, sink);
  if (protocol == OutgoingProtocol::kPickle) {
    for (const std::string& payload : CutFrames(bytes)) {
      CHECK(payload.size() <= size_t{1} << 20);
      CHECK(DecodePickle(payload, kNow, sink).ok());
    }
  }
  if (protocol == OutgoingProtocol::kOpenTsdb) {
    absl::string_view rest = bytes;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      REQUIRE(end != absl::string_view::npos);
      CHECK(DecodeTelnetLine(rest.substr(0, end), kNow, 1, sink) == TelnetRequest::kPut);
      rest.remove_prefix(end + 1);
    }
  }
  return sink;
}

std::string ValueText(double value) {
  std::string text;
  AppendValue(value, &text);
  return text;
}

TEST_CASE("A value is written as its shortest exact text", "[encoder]") {
  CHECK(ValueText(0) == "0");
  CHECK(ValueText(3) == "3");
  CHECK(ValueText(-42) == "-42");
  CHECK(ValueText(0.1) == "0.1");
  CHECK(ValueText(0.00001) == "0.00001");
  CHECK(ValueText(0.000001) == "1e-06");
  CHECK(ValueText(1234567890123456.0) == "1234567890123456");
  CHECK(ValueText(1e16) == "10000000000000000");
  CHECK(ValueText(1e17) == "1e+17");
  CHECK(ValueText(-kInfinity) == "-inf");
  CHECK(ValueText(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(ValueText(5e-324) == "5e-324");
}

TEST_CASE("Each protocol has its text", "[encoder]") {
  CHECK(EncodeOne(OutgoingProtocol::kPlaintext, "a.b;k=v", 1.5) == "a.b;k=v 1.5 1700000000\n");
  CHECK(EncodeOne(OutgoingProtocol::kOpenTsdb, "a.b;k=v;l=w", 2) ==
        "put a.b 1700000000 2 k=v l=w\n");
  CHECK(EncodeOne(OutgoingProtocol::kOpenTsdb, "a.b", 2) == "put a.b 1700000000 2 tenant=t\n");
  CHECK(EncodeOne(OutgoingProtocol::kPickle, "a", 1) ==
        std::string("\0\0\0\x1c\x80\x02](X\x01\0\0\0aJ\0\xf1\x53\x65G\x3f\xf0\0\0\0\0\0\0\x86\x86"
                    "e.",
                    32));
}

TEST_CASE("What a protocol cannot express is refused, and leaves no byte", "[encoder]") {
  const auto refuses = [](OutgoingProtocol protocol, absl::string_view metric, double value = 1) {
    INFO(metric);
    const Encoded encoded = Encode(protocol, {{"t", metric, 5, value}});
    CHECK(encoded.bytes == "");
    CHECK(encoded.refused_count == 1);
  };
  for (const auto protocol : {OutgoingProtocol::kPlaintext, OutgoingProtocol::kOpenTsdb}) {
    for (const char* blank : {" ", "\t", "\n", "\r", "\x1c", "\x7f", "\xc2\x85", "\xc2\xa0",
                              "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a", "\xe2\x80\xa8",
                              "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"}) {
      refuses(protocol, absl::StrCat("a", blank, "b"));
    }
    refuses(protocol, "");
    // Near a blank, and none.
    CHECK(EncodeOne(protocol, "a\xe2\x80\x8b.\xc3\x85") != "");
  }
  refuses(OutgoingProtocol::kOpenTsdb, "a", kInfinity);
  refuses(OutgoingProtocol::kOpenTsdb, "a;k=v=w");
  CHECK(EncodeOne(OutgoingProtocol::kPlaintext, "a", kInfinity) == "a inf 1700000000\n");
}

TEST_CASE("Pickles are bounded", "[encoder]") {
  const auto frames_of = [](size_t point_count, size_t name_bytes) {
    const std::string name(name_bytes, 'n');
    const Encoded encoded = Encode(OutgoingProtocol::kPickle,
                                   std::vector<OutgoingPoint>(point_count, {"t", name, 5, 1}));
    CHECK(Decode(OutgoingProtocol::kPickle, encoded.bytes).points.size() == point_count);
    return CutFrames(encoded.bytes).size();
  };
  CHECK(frames_of(0, 1) == 0);
  CHECK(frames_of(kPickledPointsMax, 1) == 1);
  CHECK(frames_of(kPickledPointsMax + 1, 1) == 2);
  CHECK(frames_of(kPickledPointsMax, metric::kMetricBytesMax) == 1);
}

TEST_CASE("Times beyond 2038 are pickled as they are", "[encoder]") {
  for (const uint32_t time : {1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    const Encoded encoded = Encode(OutgoingProtocol::kPickle, {{"t", "a", time, 1}});
    const RecordingSink sink = Decode(OutgoingProtocol::kPickle, encoded.bytes);
    REQUIRE(sink.points.size() == 1);
    CHECK(sink.points[0].time_seconds == time);
  }
}

// A canonical name of any kind that the relay takes, but for the % that our own decoder of put
// lines escapes.
std::string RandomName(std::mt19937& random) {
  static constexpr const char* kPieces[] = {
      "a", "Z9", "-", "_", " ", "\xc3\xa9", "\xe2\x80\x83", "\xf0\x9f\x98\x80", "~", ":", "{", "="};
  std::string name = "n";
  const size_t count = random() % 12;
  for (size_t i = 0; i < count; ++i) {
    name += random() % 4 == 0 ? ".x" : kPieces[random() % std::size(kPieces)];
  }
  for (size_t tags = random() % 3; tags > 0; --tags) {
    absl::StrAppend(&name, ";k", tags, "=v", kPieces[random() % std::size(kPieces)]);
  }
  std::string canonical;
  return metric::Canonicalise(name, &canonical) == metric::NameFault::kNone ? canonical : "n";
}

double RandomValue(std::mt19937_64& random) {
  if (random() % 2 == 0) return static_cast<double>(static_cast<int64_t>(random() % 2000) - 1000);
  double value = 0;
  do {
    const uint64_t bits = random();
    std::memcpy(&value, &bits, sizeof(value));
  } while (std::isnan(value) || std::isinf(value));
  return value;
}

TEST_CASE("Random points are read back as they were, or refused", "[encoder]") {
  const uint32_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::mt19937_64 values(seed);
  const auto protocol = GENERATE(OutgoingProtocol::kPlaintext, OutgoingProtocol::kPickle,
                                 OutgoingProtocol::kOpenTsdb);
  const auto encoder = MakePointEncoder(protocol);
  for (int round = 0; round < 5000; ++round) {
    const std::string name = RandomName(random);
    const OutgoingPoint point{"acme", name, static_cast<uint32_t>(1 + random() % 0xfffffffe),
                              RandomValue(values)};
    std::string bytes;
    const bool is_taken = encoder->Append(point, &bytes);
    encoder->Finish(&bytes);
    INFO(name << " " << ValueText(point.value) << " " << point.time_seconds);
    CHECK((is_taken || protocol != OutgoingProtocol::kPickle));
    const RecordingSink sink = Decode(protocol, bytes);
    REQUIRE(sink.refusals.empty());
    REQUIRE(sink.points.size() == (is_taken ? 1 : 0));
    if (!is_taken) continue;
    const bool gets_tag =
        protocol == OutgoingProtocol::kOpenTsdb && name.find(';') == std::string::npos;
    std::string read;
    REQUIRE(metric::Canonicalise(sink.points[0].metric, &read) == metric::NameFault::kNone);
    CHECK(read == name + (gets_tag ? ";tenant=acme" : ""));
    CHECK(sink.points[0].value == point.value);
    CHECK(sink.points[0].time_seconds == point.time_seconds);
  }
}

TEST_CASE("A compressed stream is inflated piece by piece", "[encoder]") {
  const auto compression = GENERATE(Compression::kGzip, Compression::kSnappy);
  const auto compressor = MakeCompressor(compression);
  const auto decompressor = MakeDecompressor(compression, {.credit_bytes_max = size_t{1} << 30});
  std::mt19937 random(7);
  for (const size_t size : {0, 1, 100, 65536, 65537, 300'000}) {
    std::string piece;
    for (size_t i = 0; i < size; ++i) piece.push_back(static_cast<char>('a' + random() % 3));
    std::string compressed;
    compressor->Append(piece, &compressed);
    std::string inflated;
    REQUIRE(decompressor
                ->Feed(compressed,
                       [&](absl::string_view part) { inflated.append(part.data(), part.size()); })
                .ok());
    CHECK(inflated == piece);
  }
}

}  // namespace
}  // namespace plumbago::protocols

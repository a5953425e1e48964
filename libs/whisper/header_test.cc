// Proves that headers are encoded as whisper.py encodes them, and that archive lists and damaged
// headers are refused with the right words.
#include "whisper/header.h"

#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"

namespace plumbago::whisper {
namespace {

using Catch::Matchers::Contains;

Header TwoArchives() {
  return MakeHeader({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kAverage).value();
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::string Refusal(std::vector<ArchiveSpec> archives) {
  const auto header = MakeHeader(std::move(archives), 0.5F, AggregationMethod::kAverage);
  REQUIRE(header.status().code() == absl::StatusCode::kInvalidArgument);
  return Message(header.status());
}

TEST_CASE("EncodeHeader gives the bytes of whisper.py", "[whisper]") {
  const Header header = TwoArchives();
  CHECK(absl::BytesToHexString(EncodeHeader(header)) ==
        "00000001000001e03f00000000000002"
        "000000280000003c00000003"
        "0000004c0000007800000004");
  CHECK(header.file_bytes() == 124);
}

TEST_CASE("ParseHeader reads back what EncodeHeader wrote, for every method", "[whisper]") {
  for (uint32_t id = 1; id <= 8; ++id) {
    const auto method = static_cast<AggregationMethod>(id);
    const Header header = MakeHeader({{1, 60}, {60, 60}, {3600, 24}}, 0.25F, method).value();
    CHECK(ParseHeader(EncodeHeader(header)).value() == header);
    CHECK(ParseMethod(MethodName(method)).value() == method);
  }
}

TEST_CASE("MakeHeader sorts the archives by precision", "[whisper]") {
  CHECK(MakeHeader({{120, 4}, {60, 3}}, 0.5F, AggregationMethod::kAverage).value() ==
        TwoArchives());
}

TEST_CASE("MakeHeader refuses archive lists with whisper's messages", "[whisper]") {
  CHECK_THAT(Refusal({}), Contains("You must specify at least one archive configuration!"));
  CHECK_THAT(Refusal({{60, 3}, {60, 4}}),
             Contains("two archives with the same precision (archive0: (60, 3), archive1: (60, 4"));
  CHECK_THAT(Refusal({{60, 3}, {90, 4}}), Contains("must evenly divide all lower precision"));
  CHECK_THAT(
      Refusal({{60, 4}, {120, 2}}),
      Contains("larger time intervals than higher precision archives (archive0: 240 seconds, "
               "archive1: 240 seconds)"));
  CHECK_THAT(Refusal({{60, 3}, {240, 4}}),
             Contains("(archive1 consolidates 4 of archive0's points but it has only 3 total"));
}

TEST_CASE("MakeHeader refuses what does not fit the format", "[whisper]") {
  CHECK_THAT(Refusal({{0, 3}}), Contains("must be at least 1"));
  CHECK_THAT(Refusal({{60, 0}}), Contains("must be at least 1"));
  CHECK_THAT(Refusal({{1, 400'000'000}}), Contains("limit of the format"));
  CHECK_THAT(Refusal({{86400, 50'000}}), Contains("limit of the format"));
  CHECK_THAT(Refusal(std::vector<ArchiveSpec>(65, {1, 1})), Contains("at most 64"));
  for (const float factor : {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN()}) {
    const auto header = MakeHeader({{60, 3}}, factor, AggregationMethod::kSum);
    CHECK_THAT(Message(header.status()), Contains("not between 0 and 1"));
  }
}

TEST_CASE("ParseMethod names the methods it knows", "[whisper]") {
  CHECK_THAT(Message(ParseMethod("median").status()), Contains("'median'; use average, sum"));
}

TEST_CASE("ParseHeader refuses a header that contradicts itself", "[whisper]") {
  const auto refusal = [](size_t offset, char byte) {
    std::string bytes = EncodeHeader(TwoArchives());
    bytes[offset] = byte;
    const auto header = ParseHeader(bytes);
    REQUIRE(header.status().code() == absl::StatusCode::kDataLoss);
    return Message(header.status());
  };
  CHECK_THAT(refusal(3, 9), Contains("aggregation method 9 is unknown"));
  CHECK_THAT(refusal(7, 1), Contains("retention"));
  CHECK_THAT(refusal(8, 0x40), Contains("xFilesFactor 2 is not in 0..1"));
  CHECK_THAT(refusal(15, 0), Contains("0 archives"));
  CHECK_THAT(refusal(12, 1), Contains("16777218 archives"));
  CHECK_THAT(refusal(15, 3), Contains("it has 40 of 52 bytes"));
  CHECK_THAT(refusal(19, 41), Contains("begins at byte 41"));
  CHECK_THAT(refusal(23, 0), Contains("points of 0 s"));
  CHECK_THAT(refusal(27, 0), Contains("0 points"));
  CHECK_THAT(refusal(35, 30), Contains("points of 30 s after one of 60 s"));
}

}  // namespace
}  // namespace plumbago::whisper

// Proves the retention grammar: its traps, and messages that say where and what.
#include "whisper/retention.h"

#include <catch2/catch.hpp>

namespace plumbago::whisper {
namespace {

using Catch::Matchers::Contains;

void CheckParses(absl::string_view text, uint32_t seconds_per_point, uint32_t point_count) {
  INFO(text);
  const auto archive = ParseRetention(text);
  REQUIRE(archive.ok());
  CHECK(archive->seconds_per_point == seconds_per_point);
  CHECK(archive->point_count == point_count);
}

std::string Refusal(absl::string_view text) {
  const auto archive = ParseRetention(text);
  REQUIRE(archive.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(archive.status().message());
}

TEST_CASE("A bare number after the colon is a number of points", "[whisper]") {
  CheckParses("60:1440", 60, 1440);
  CheckParses("1h:7", 3600, 7);
}

TEST_CASE("A duration after the colon is divided by the precision, rounding down", "[whisper]") {
  CheckParses("60s:1d", 60, 1440);
  CheckParses("7s:1m", 7, 8);
  CheckParses("10m:5y", 600, 262800);
  CheckParses(" 1w:2w\t", 604800, 2);
}

TEST_CASE("A unit is any beginning of its name", "[whisper]") {
  CheckParses("1min:1hour", 60, 60);
  CheckParses("5seconds:1minut", 5, 12);
}

TEST_CASE("A wrong retention is refused with offset and remedy", "[whisper]") {
  CHECK(Refusal("10x:1d") ==
        "retention \"10x:1d\" has unknown unit 'x' at offset 2; use s, m, h, d, w or y");
  CHECK_THAT(Refusal("10s:6H"), Contains("unknown unit 'H' at offset 5"));
  CHECK_THAT(Refusal("10s:1month"), Contains("unknown unit 'month'"));
  CHECK_THAT(Refusal("10s"), Contains("has no colon"));
  CHECK_THAT(Refusal("s:1d"), Contains("no number from 1 to 4294967295 at offset 0"));
  CHECK_THAT(Refusal("10s:"), Contains("at offset 4"));
  CHECK_THAT(Refusal("1.5m:1d"), Contains("unknown unit '.5m'"));
  CHECK_THAT(Refusal("-1s:1d"), Contains("at offset 0"));
  CHECK_THAT(Refusal("0s:1d"), Contains("at offset 0"));
  CHECK_THAT(Refusal("1s:1d:2d"), Contains("unknown unit 'd:2d'"));
  CHECK_THAT(Refusal("1h:1m"), Contains("shorter than one point"));
  CHECK_THAT(Refusal("1s:4294967295y"), Contains("limit of the format"));
  CHECK_THAT(Refusal("99999999999s:1d"), Contains("at offset 0"));
}

TEST_CASE("A list of retentions is split at commas and keeps its order", "[whisper]") {
  const auto archives = ParseRetentions("1m:7d, 10s:6h");
  REQUIRE(archives.ok());
  CHECK(*archives == std::vector<ArchiveSpec>{{60, 10080}, {10, 2160}});
  CHECK_FALSE(ParseRetentions("10s:6h,").ok());
  CHECK_FALSE(ParseRetentions("").ok());
}

TEST_CASE("Retentions are written in the largest units, and read back as they were", "[whisper]") {
  const std::vector<ArchiveSpec> archives = {{10, 2160}, {90, 2400}, {600, 52560}, {86400, 730}};
  CHECK(FormatRetentions(archives) == "10s:6h,90s:60h,10m:1y,1d:2y");
  CHECK(ParseRetentions(FormatRetentions(archives)).value() == archives);
}

}  // namespace
}  // namespace plumbago::whisper

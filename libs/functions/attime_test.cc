// The time grammar, against values worked out by hand. "now" is Wednesday 2024-03-13 15:30:45 UTC.
#include "functions/attime.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/match.h"

namespace plumbago::functions {
namespace {

constexpr int64_t kNow = 1710343845;
constexpr int64_t kToday = 1710288000;  // 2024-03-13 00:00 UTC
constexpr int64_t kDay = 86400;

int64_t At(const std::string& text, absl::TimeZone zone = absl::UTCTimeZone()) {
  const auto time = ParseAtTime(text, kNow, zone);
  INFO(text << ": " << time.status());
  REQUIRE(time.ok());
  return *time;
}

TEST_CASE("Times are read as Graphite reads them", "[attime]") {
  const auto [text, expected] = GENERATE(table<std::string, int64_t>({
      {"now", kNow},
      {"", kNow},
      {" NOW ", kNow},
      {"1432288353", 1432288353},
      {"0", 0},
      {"2024010", 2024010},
      {"20241301", 20241301},
      {"20240313", kToday},
      {"2024_03_13", kToday},
      {"-1h", kNow - 3600},
      {"-24h", kNow - kDay},
      {"-5min", kNow - 300},
      {"-5m", kNow - 300},
      {"-1mon", kNow - 30 * kDay},
      {"-2y", kNow - 730 * kDay},
      {"-90s", kNow - 90},
      {"-1w2d3h", kNow - 9 * kDay - 3 * 3600},
      {"now-1d", kNow - kDay},
      {"now+1hour", kNow + 3600},
      {"+2days", kNow + 2 * kDay},
      {"today", kToday},
      {"yesterday", kToday - kDay},
      {"tomorrow", kToday + kDay},
      {"today-2d", kToday - 2 * kDay},
      {"noon", kToday + 12 * 3600},
      {"midnight", kToday},
      {"teatime", kToday + 16 * 3600},
      {"noon yesterday", kToday - 12 * 3600},
      {"4am", kToday + 4 * 3600},
      {"4pm", kToday + 16 * 3600},
      {"12pm", kToday},
      {"12am", kToday + 12 * 3600},
      {"8:15", kToday + 8 * 3600 + 900},
      {"08:15pm", kToday + 20 * 3600 + 900},
      {"8:15am tomorrow", kToday + kDay + 8 * 3600 + 900},
      {"12:34_20240101", 1704112440},
      {"01/31/24", 1706659200},
      {"01/31/2024", 1706659200},
      {"12/31/69", 3155673600},
      {"jan31", 1706659200},
      {"January 31", 1706659200},
      {"march 5", 1709596800},
      {"wednesday", kToday},
      {"tue", kToday - kDay},
      {"thursday", kToday - 6 * kDay},
      {"6pm monday", kToday - 2 * kDay + 18 * 3600},
      {"mon-1d", kToday - 3 * kDay},
  }));
  CAPTURE(text);
  CHECK(At(text) == expected);
}

TEST_CASE("Wrong times are refused with what is allowed", "[attime]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"blah", "time \"blah\": use an epoch"},
      {"2024-01-01", "time \"2024-01-01\": use an epoch"},
      {"-1d+1h", "use an epoch"},
      {"-1d-1h", "time offset"},
      {"now-1", "time offset \"-1\""},
      {"now-1mo", "use digits and a unit"},
      {"-", "time offset \"-\""},
      {"-d", "use digits and a unit"},
      {"jan", "a day of the month is required"},
      {"jan32", "there is no such day"},
      {"02/30/24", "there is no such day"},
      {"25:00", "use an epoch"},
      {"12:60", "use an epoch"},
      {"#Z", "use an epoch"},
      {"undefined", "use an epoch"},
      {"NaN", "use an epoch"},
      {"99999999999999999999", "too far away"},
      {"-999999999y", "longer than 400 years"},
      {"20240230", "there is no such day"},
  }));
  CAPTURE(text);
  const auto time = ParseAtTime(text, kNow, absl::UTCTimeZone());
  REQUIRE_FALSE(time.ok());
  CHECK(absl::IsInvalidArgument(time.status()));
  CHECK(absl::StrContains(std::string(time.status().message()), expected));
}

TEST_CASE("Days are those of the time zone, offsets are elapsed time", "[attime]") {
  const absl::TimeZone plus3 = absl::FixedTimeZone(3 * 3600);
  CHECK(At("today", plus3) == kToday - 3 * 3600);
  CHECK(At("noon", plus3) == kToday + 9 * 3600);
  absl::TimeZone new_york;
  if (!absl::LoadTimeZone("America/New_York", &new_york)) return;  // no zone files here
  // Summer time began at 2:00: three hours after midnight it was 4:00 EDT, 8:00 UTC.
  CHECK(At("20240310+3h", new_york) == 1710057600);
}

TEST_CASE("Days on which the clocks change are 23 and 25 hours long", "[attime]") {
  absl::TimeZone berlin;
  if (!absl::LoadTimeZone("Europe/Berlin", &berlin)) return;  // no zone files here
  CHECK(At("20240331", berlin) == 1711839600);
  CHECK(At("20240401", berlin) == At("20240331", berlin) + 82800);
  CHECK(At("20241028", berlin) == At("20241027", berlin) + 90000);
  CHECK(At("noon_20240331", berlin) == 1711879200);
  // 2:30 does not exist in spring: the moment of the change. In autumn it is the first of two.
  CHECK(At("02:30_20240331", berlin) == 1711846800);
  CHECK(At("02:30_20241027", berlin) == 1729989000);
  const int64_t noon = 1711965600;  // of the day after
  CHECK(*ParseAtTime("now-1d", noon, berlin) == noon - 86400);
  CHECK(*ParseAtTime("yesterday", noon, berlin) == 1711839600);
  CHECK(*ParseAtTime("midnight-1d", noon, berlin) == 1711922400 - 86400);
}

TEST_CASE("Intervals of functions are offsets of at least a second", "[attime]") {
  CHECK(*ParseTimeOffset("1h") == 3600);
  CHECK(*ParseTimeOffset("-1d12h") == -129600);
  CHECK(*ParseTimeOffset("+10MIN") == 600);
  CHECK(*ParseInterval("10min") == 600);
  CHECK_FALSE(ParseInterval("-10min").ok());
  CHECK_FALSE(ParseInterval("0s").ok());
  CHECK_FALSE(ParseInterval("").ok());
  CHECK_FALSE(ParseInterval("1h30").ok());
}

}  // namespace
}  // namespace plumbago::functions

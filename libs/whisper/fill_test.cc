// Proves what counts as a gap and where its points come from. Equality with whisper-fill on random
// files is tests/conformance/whisper_tool_test.py.
#include "whisper/fill.h"

#include <catch2/catch.hpp>

#include "whisper/testing/test_file.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kSlot = 1'700'000'040;  // a multiple of 60 and of 120, the newest slot
// Not kSlot itself: whisper takes a point of exactly the retention's age, into the slot of now.
constexpr int64_t kNow = kSlot + 7;

testing::TestFile SmallFile() {
  return testing::TestFile({{60, 10}, {120, 20}}, 0, AggregationMethod::kLast);
}

std::vector<Point> Ramp(double offset) {
  std::vector<Point> points;
  for (int64_t age = 540; age >= 0; age -= 60) {
    points.push_back(
        {.time = static_cast<uint32_t>(kSlot - age), .value = offset + static_cast<double>(age)});
  }
  return points;
}

TEST_CASE("A gap is filled and what is there stays", "[whisper]") {
  auto source = SmallFile();
  auto target = SmallFile();
  source.Update(Ramp(1000), kNow);
  std::vector<Point> points = Ramp(2000);
  points.erase(points.begin() + 3, points.begin() + 6);  // ages 360, 300, 240
  target.Update(points, kNow);
  REQUIRE(FillGaps(source.open(), target.open(), kNow, GapRule::kWhisperFill).ok());
  for (const int64_t age : {360, 300, 240}) {
    CHECK(target.ValueAt(0, kSlot - age) == 1000 + static_cast<double>(age));
  }
  CHECK(target.ValueAt(0, kSlot - 420) == 2420);
  CHECK(target.ValueAt(0, kSlot) == 2000);
}

TEST_CASE("A single lost point is no gap", "[whisper]") {
  auto source = SmallFile();
  auto target = SmallFile();
  source.Update(Ramp(1000), kNow);
  std::vector<Point> points = Ramp(2000);
  points.erase(points.begin() + 3);
  target.Update(points, kNow);
  REQUIRE(FillGaps(source.open(), target.open(), kNow, GapRule::kWhisperFill).ok());
  CHECK_FALSE(target.ValueAt(0, kSlot - 360).has_value());
}

TEST_CASE("Filling what is missing overwrites nothing: no zero, and no point at a gap's end",
          "[whisper]") {
  auto source = SmallFile();
  auto target = SmallFile();
  source.Update(Ramp(1000), kNow);
  std::vector<Point> points = Ramp(2000);
  points[8].value = 0;                                   // age 60
  points.erase(points.begin() + 6);                      // age 180: alone
  points.erase(points.begin() + 2, points.begin() + 4);  // ages 420, 360
  target.Update(points, kNow);
  REQUIRE(FillGaps(source.open(), target.open(), kNow, GapRule::kMissingOnly).ok());
  for (const int64_t age : {420, 360, 180}) {
    CHECK(target.ValueAt(0, kSlot - age) == 1000 + static_cast<double>(age));
  }
  for (const int64_t age : {540, 480, 300, 240, 120, 0}) {
    CHECK(target.ValueAt(0, kSlot - age) == 2000 + static_cast<double>(age));
  }
  CHECK(target.ValueAt(0, kSlot - 60) == 0);
}

TEST_CASE("An empty file takes all that the other one has, and coarser points where it must",
          "[whisper]") {
  testing::TestFile source({{120, 20}}, 0, AggregationMethod::kLast);
  auto target = SmallFile();
  source.Update({{kSlot - 1200, 1}, {kSlot - 240, 2}}, kNow);
  REQUIRE(FillGaps(source.open(), target.open(), kNow, GapRule::kWhisperFill).ok());
  CHECK(target.ValueAt(0, kSlot - 240) == 2);
  CHECK(target.ValueAt(1, kSlot - 1200) == 1);
}

}  // namespace
}  // namespace plumbago::whisper

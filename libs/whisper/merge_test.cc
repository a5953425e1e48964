// Proves what a merge copies and what a diff compares. Equality with whisper.merge and whisper.diff
// on random files is tests/conformance/whisper_tool_test.py.
#include "whisper/merge.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "whisper/testing/test_file.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;  // a multiple of 60 and of 120
constexpr MergeRange kAll{.from = 0, .until = kNow, .now = kNow};

testing::TestFile SmallFile() {
  return testing::TestFile({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kSum);
}

TEST_CASE("A merge adds and overrides points and aggregates them", "[whisper]") {
  auto source = SmallFile();
  auto target = SmallFile();
  source.Update({{kNow - 120, 1}, {kNow - 60, 2}}, kNow);
  target.Update({{kNow - 60, 7}, {kNow, 3}}, kNow);
  REQUIRE(Merge(source.open(), target.open(), kAll).ok());
  CHECK(target.ValueAt(0, kNow - 120) == 1);
  CHECK(target.ValueAt(0, kNow - 60) == 2);
  CHECK(target.ValueAt(0, kNow) == 3);
  CHECK(target.ValueAt(1, kNow - 120) == 3);
}

TEST_CASE("A merge copies nothing from outside its range", "[whisper]") {
  auto source = SmallFile();
  auto target = SmallFile();
  source.Update({{kNow - 120, 1}, {kNow - 60, 2}, {kNow, 3}}, kNow);
  REQUIRE(Merge(source.open(), target.open(), {.from = kNow - 120, .until = kNow - 60, .now = kNow})
              .ok());
  CHECK_FALSE(target.ValueAt(0, kNow - 120).has_value());
  CHECK(target.ValueAt(0, kNow - 60) == 2);
  CHECK_FALSE(target.ValueAt(0, kNow).has_value());
}

TEST_CASE("A merge is refused for other archives and for a range that ends before it begins",
          "[whisper]") {
  auto source = SmallFile();
  testing::TestFile other({{60, 3}}, 0.5F, AggregationMethod::kSum);
  const absl::Status unalike = Merge(source.open(), other.open(), kAll);
  CHECK(absl::IsInvalidArgument(unalike));
  CHECK(absl::StrContains(unalike.message(), "Resize the input before merging"));
  auto target = SmallFile();
  CHECK(absl::IsInvalidArgument(
      Merge(source.open(), target.open(), {.from = 2, .until = 1, .now = kNow})));
}

TEST_CASE("A diff tells the slots that differ, empty ones included unless told otherwise",
          "[whisper]") {
  auto first = SmallFile();
  auto second = SmallFile();
  first.Update({{kNow - 120, 1}, {kNow - 60, 2}, {kNow, 3}}, kNow);
  second.Update({{kNow - 60, 2}, {kNow, 4}}, kNow);
  const auto all = Diff(first.open(), second.open(), kNow, kNow, EmptySlots::kDiffer).value();
  REQUIRE(all.size() == 2);
  CHECK(all[0].compared_count == 3);
  REQUIRE(all[0].points.size() == 2);
  CHECK(all[0].points[0].time == kNow - 120);
  CHECK(all[0].points[0].first == 1);
  CHECK_FALSE(all[0].points[0].second.has_value());
  const auto known = Diff(first.open(), second.open(), kNow, kNow, EmptySlots::kIgnore).value();
  CHECK(known[0].compared_count == 2);
  CHECK(known[0].points.size() == 1);
}

TEST_CASE("A diff until long ago leaves the finer archives out", "[whisper]") {
  auto first = SmallFile();
  auto second = SmallFile();
  first.Update({{kNow, 3}}, kNow);
  const auto old = Diff(first.open(), second.open(), kNow - 300, kNow, EmptySlots::kDiffer).value();
  CHECK(old[0].compared_count == 0);
  CHECK(old[1].compared_count == 0);
}

}  // namespace
}  // namespace plumbago::whisper

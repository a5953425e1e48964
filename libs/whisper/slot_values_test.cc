// Proves that a slot without a point is not one with NaN, and which slots FetchArchive reads.
#include "whisper/slot_values.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "whisper/testing/test_file.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;  // a multiple of 60 and of 120
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("A NaN that was written is a point, an empty slot is none", "[whisper]") {
  testing::TestFile file({{60, 3}}, 0.5F, AggregationMethod::kAverage);
  file.Update({{kNow - 60, kNan}, {kNow, 1}}, kNow);
  const SlotValues slots =
      FetchSlots(file.open(), {.from = kNow - 180, .until = kNow, .now = kNow}).value();
  CHECK(slots.start == kNow - 120);
  CHECK(slots.end() == kNow + 60);
  REQUIRE(slots.values.size() == 3);
  CHECK_FALSE(slots.values[0].has_value());
  CHECK(std::isnan(slots.values[1].value()));
  CHECK(slots.values[2] == 1);
  CHECK(PointsOf(slots).size() == 2);
}

TEST_CASE("FetchArchive reads the archive it is told to, at most one turn of it", "[whisper]") {
  testing::TestFile file({{60, 3}, {120, 4}}, 0, AggregationMethod::kSum);
  file.Update({{kNow, 1}, {kNow + 60, 2}}, kNow + 60);
  const auto count = [&](size_t archive_index, int64_t from, int64_t until) {
    return FetchArchive(file.open(), archive_index, from, until).value().values.size();
  };
  CHECK(count(0, kNow, kNow) == 1);
  CHECK(count(0, kNow - 60, kNow + 60) == 2);
  CHECK(count(0, kNow - 180, kNow + 6000) == 3);
  CHECK(count(1, kNow - 480, kNow + 6000) == 4);
  CHECK(file.ValueAt(1, kNow) == 3);
}

TEST_CASE("An empty archive has slots without points", "[whisper]") {
  testing::TestFile file({{60, 3}}, 0.5F, AggregationMethod::kAverage);
  const SlotValues slots = FetchArchive(file.open(), 0, kNow - 180, kNow).value();
  CHECK(slots.values == std::vector<std::optional<double>>(3));
}

}  // namespace
}  // namespace plumbago::whisper

// Proves which changes of a state get a line: an outage as it goes, a state that never rests one a
// minute, and the last state always.
#include "relay/change_throttle.h"

#include <catch2/catch.hpp>

namespace plumbago::relay {
namespace {

constexpr int kUp = 0;
constexpr int kDown = 1;
constexpr int kReplaying = 2;

TEST_CASE("Few changes have a line each, at once", "[change_throttle]") {
  ChangeThrottle throttle(kUp);
  for (int minute = 0; minute < 30; minute += 3) {
    const absl::Duration begin = absl::Minutes(minute);
    CHECK(throttle.LineDue(kUp, begin) == 0);
    CHECK(throttle.LineDue(kDown, begin + absl::Seconds(1)) == 1);
    CHECK(throttle.LineDue(kDown, begin + absl::Seconds(2)) == 0);
    CHECK(throttle.LineDue(kReplaying, begin + absl::Seconds(3)) == 1);
    CHECK(throttle.LineDue(kUp, begin + absl::Seconds(4)) == 1);
  }
}

TEST_CASE("A state that never rests has a line a minute with the number of changes",
          "[change_throttle]") {
  ChangeThrottle throttle(kUp);
  uint64_t line_count = 0;
  uint64_t told_count = 0;
  for (int second = 0; second < 3600; second += 3) {
    const uint64_t told =
        throttle.LineDue(second % 2 == 0 ? kReplaying : kUp, absl::Seconds(second));
    line_count += told > 0 ? 1 : 0;
    told_count += told;
  }
  CHECK(line_count >= 60);
  CHECK(line_count <= 64);
  CHECK(told_count > 1200 - 21);
  CHECK(told_count <= 1200);
}

TEST_CASE("A state that stays is told in the end", "[change_throttle]") {
  ChangeThrottle throttle(kUp);
  int second = 0;
  uint64_t told_count = 0;
  for (; second < 301; second += 3) {
    told_count += throttle.LineDue(second % 2 == 0 ? kDown : kUp, absl::Seconds(second));
  }
  const int end = second + 60;
  for (; second <= end; ++second) told_count += throttle.LineDue(kUp, absl::Seconds(second));
  CHECK(told_count == 102);  // the last one to kUp
  CHECK(throttle.LineDue(kUp, absl::Hours(9)) == 0);
}

}  // namespace
}  // namespace plumbago::relay

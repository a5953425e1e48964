// Proves which segments of the journal are needed while the store has applied points and not synced
// them, over new connections and restarts of the store's machine.
#include "cache/durability_tracker.h"

#include <catch2/catch.hpp>
#include <thread>

namespace plumbago::cache {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

TEST_CASE("A segment is needed from the application of its points to their sync", "[durability]") {
  DurabilityTracker tracker;
  CHECK(tracker.OldestSegment() == kNone);
  tracker.OnApplied(1, 7);
  tracker.OnApplied(2, 9);
  tracker.OnApplied(3, 8);
  CHECK(tracker.OldestSegment() == 7);
  tracker.OnDurable(0);
  CHECK(tracker.OldestSegment() == 7);
  tracker.OnDurable(1);
  CHECK(tracker.OldestSegment() == 8);
  tracker.OnDurable(3);
  CHECK(tracker.OldestSegment() == kNone);
}

TEST_CASE("A batch without points of the journal needs no segment", "[durability]") {
  DurabilityTracker tracker;
  tracker.OnApplied(1, 0);
  CHECK(tracker.OldestSegment() == kNone);
}

TEST_CASE("What was applied before a broken connection is synced with the first batch after it",
          "[durability]") {
  DurabilityTracker tracker;
  tracker.OnApplied(1, 3);
  tracker.OnConnected();
  tracker.OnConnected();
  tracker.OnApplied(1, 5);
  CHECK(tracker.OldestSegment() == 3);
  tracker.OnDurable(0);
  CHECK(tracker.OldestSegment() == 3);
  tracker.OnDurable(1);
  CHECK(tracker.OldestSegment() == kNone);
}

TEST_CASE("A restart of the store's machine matters only while something is not synced",
          "[durability]") {
  DurabilityTracker tracker;
  CHECK(tracker.OnBootId("a"));
  tracker.OnApplied(1, 3);
  CHECK(tracker.OnBootId("a"));
  tracker.OnDurable(1);
  CHECK(tracker.OnBootId("b"));
  tracker.OnApplied(2, 4);
  tracker.OnConnected();
  CHECK_FALSE(tracker.OnBootId("c"));
}

TEST_CASE("After a loss the journal keeps what it has, whatever the store syncs", "[durability]") {
  DurabilityTracker tracker;
  CHECK(tracker.OnBootId("a"));
  tracker.OnApplied(1, 3);
  tracker.OnConnected();
  CHECK_FALSE(tracker.OnBootId("b"));
  tracker.OnApplied(1, 5);
  tracker.OnDurable(1);
  CHECK(tracker.OldestSegment() == 3);
  CHECK_FALSE(tracker.WaitUntilDurable(absl::Hours(1)));
}

TEST_CASE("Whoever waits for the sync is woken by it", "[durability]") {
  DurabilityTracker tracker;
  CHECK(tracker.WaitUntilDurable(absl::ZeroDuration()));
  tracker.OnApplied(1, 3);
  tracker.OnApplied(2, 3);
  tracker.OnDurable(1);
  CHECK_FALSE(tracker.WaitUntilDurable(absl::ZeroDuration()));
  std::thread store([&tracker] { tracker.OnDurable(2); });
  while (!tracker.WaitUntilDurable(absl::Hours(1))) {
  }
  store.join();
  CHECK(tracker.OldestSegment() == UINT32_MAX);
}

}  // namespace
}  // namespace plumbago::cache

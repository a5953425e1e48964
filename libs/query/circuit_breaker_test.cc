// When a breaker opens, what it lets through then, and how it closes again; on a clock that stands
// still between the steps.
#include "query/circuit_breaker.h"

#include <catch2/catch.hpp>

namespace plumbago::query {
namespace {

const absl::Status kGone = absl::UnavailableError("gone");
const absl::Status kSlow = absl::DeadlineExceededError("slow");

struct Fixture {
  bool Call(const absl::Status& result, absl::Duration taken = absl::Seconds(6)) {
    if (!breaker.Admit()) return false;
    breaker.Finish(result, taken);
    return true;
  }
  std::string State() { return StateName(breaker.status().state); }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  CircuitBreaker breaker{clock, BreakerOptions()};
};

TEST_CASE("A breaker opens after as many failures in a row as it may have", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 4; ++i) fixture.Call(kGone);
  fixture.Call(absl::OkStatus());
  for (int i = 0; i < 4; ++i) fixture.Call(kGone);
  CHECK(fixture.State() == "closed");
  fixture.Call(kGone);
  CHECK(fixture.State() == "open");
  CHECK(fixture.breaker.status().reason == "5 failures in a row, the last UNAVAILABLE");
  CHECK_FALSE(fixture.Call(absl::OkStatus()));
  CHECK(fixture.breaker.status().refused_count == 1);
  CHECK_FALSE(fixture.breaker.IsUsable());
}

TEST_CASE("Two timeouts in a row open a breaker, unless the calls had no time", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 20; ++i) fixture.Call(kSlow, absl::Milliseconds(10));
  CHECK(fixture.State() == "closed");
  fixture.Call(kSlow);
  CHECK(fixture.State() == "closed");
  fixture.Call(kSlow);
  CHECK(fixture.State() == "open");
}

TEST_CASE("A share of failures among many calls opens a breaker", "[breaker]") {
  Fixture fixture;
  const auto pattern = {kGone, kGone, absl::OkStatus()};
  for (int i = 0; i < 6; ++i) {
    for (const absl::Status& result : pattern) fixture.Call(result);
  }
  CHECK(fixture.State() == "closed");  // 18 calls are too few to judge by
  for (const absl::Status& result : pattern) fixture.Call(result);
  CHECK(fixture.State() == "open");
}

TEST_CASE("Failures of long ago do not count among many calls", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 50; ++i) {
    fixture.Call(kGone);
    fixture.Call(kGone);
    fixture.Call(absl::OkStatus());
    fixture.clock.Advance(absl::Seconds(4));
  }
  CHECK(fixture.State() == "closed");
}

TEST_CASE("Faults of the request and cancelled calls leave a breaker closed", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 50; ++i) {
    fixture.Call(absl::InvalidArgumentError("pattern"));
    fixture.Call(absl::CancelledError(""));
    fixture.Call(absl::ResourceExhaustedError("limit"));
  }
  CHECK(fixture.State() == "closed");
}

TEST_CASE("A stall opens a breaker only if a probe fails too", "[breaker]") {
  Fixture fixture;
  REQUIRE(fixture.breaker.Admit());
  fixture.clock.Advance(absl::Milliseconds(700));
  CHECK_FALSE(fixture.breaker.TakeProbe());
  fixture.breaker.Progress();
  fixture.clock.Advance(absl::Milliseconds(700));
  CHECK_FALSE(fixture.breaker.TakeProbe());
  fixture.clock.Advance(absl::Milliseconds(100));
  REQUIRE(fixture.breaker.TakeProbe());
  CHECK_FALSE(fixture.breaker.TakeProbe());  // one at a time
  fixture.breaker.ProbeEnded(absl::OkStatus());
  CHECK(fixture.State() == "closed");
  fixture.clock.Advance(absl::Milliseconds(800));
  REQUIRE(fixture.breaker.TakeProbe());
  fixture.breaker.ProbeEnded(kSlow);
  CHECK(fixture.State() == "open");
  // The call that stalled ends without further effect.
  fixture.breaker.Finish(kSlow, absl::Seconds(6));
  CHECK(fixture.State() == "open");
}

TEST_CASE("Without calls under way silence is no stall", "[breaker]") {
  Fixture fixture;
  fixture.Call(absl::OkStatus());
  fixture.clock.Advance(absl::Hours(1));
  CHECK_FALSE(fixture.breaker.TakeProbe());
  REQUIRE(fixture.breaker.Admit());
  CHECK_FALSE(fixture.breaker.TakeProbe());
}

TEST_CASE("A probe half-opens a breaker, a call that succeeds closes it", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) fixture.Call(kGone);
  CHECK_FALSE(fixture.breaker.TakeProbe());  // not at once
  fixture.clock.Advance(absl::Milliseconds(500));
  REQUIRE(fixture.breaker.TakeProbe());
  fixture.breaker.ProbeEnded(kGone);
  CHECK(fixture.State() == "open");
  fixture.clock.Advance(absl::Milliseconds(500));
  REQUIRE(fixture.breaker.TakeProbe());
  fixture.breaker.ProbeEnded(absl::OkStatus());
  CHECK(fixture.State() == "half-open");
  for (int i = 0; i < 10; ++i) CHECK(fixture.breaker.Admit());
  CHECK_FALSE(fixture.breaker.Admit());
  fixture.breaker.Finish(absl::OkStatus(), absl::Seconds(1));
  CHECK(fixture.State() == "closed");
  CHECK(fixture.breaker.Admit());
}

TEST_CASE("A trial call that fails opens the breaker again", "[breaker]") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) fixture.Call(kGone);
  fixture.clock.Advance(absl::Seconds(1));
  REQUIRE(fixture.breaker.TakeProbe());
  fixture.breaker.ProbeEnded(absl::OkStatus());
  fixture.Call(kGone);
  CHECK(fixture.State() == "open");
  CHECK(fixture.breaker.status().open_count == 2);
  CHECK(fixture.breaker.status().reason == "a trial call failed: UNAVAILABLE");
}

TEST_CASE("A silent service is found though its calls are cancelled for faster ones", "[breaker]") {
  Fixture fixture;
  CircuitBreaker& breaker = fixture.breaker;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(breaker.Admit());
    fixture.clock.Advance(absl::Milliseconds(100));
    breaker.Finish(absl::CancelledError(""), absl::Milliseconds(100));
  }
  CHECK(breaker.TakeProbe());
  breaker.ProbeEnded(absl::UnavailableError("no"));
  CHECK(breaker.status().state == CircuitBreaker::State::kOpen);
}

TEST_CASE("A cancelled call of a service that answers a probe does no harm", "[breaker]") {
  Fixture fixture;
  CircuitBreaker& breaker = fixture.breaker;
  REQUIRE(breaker.Admit());
  breaker.Finish(absl::CancelledError(""), absl::Milliseconds(1));
  fixture.clock.Advance(absl::Hours(1));
  CHECK(breaker.TakeProbe());
  breaker.ProbeEnded(absl::OkStatus());
  fixture.clock.Advance(absl::Hours(1));
  CHECK_FALSE(breaker.TakeProbe());
  CHECK(breaker.status().state == CircuitBreaker::State::kClosed);
}

}  // namespace
}  // namespace plumbago::query

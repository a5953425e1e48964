// Entering and waiting, with a clock that stands until it is told to go on.
#include "query/governor.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "base/status.h"

namespace plumbago::query {
namespace {

class Fixture {
 public:
  explicit Fixture(const GovernorOptions& options) : governor(options, clock) {}

  std::unique_ptr<Governor::Visit> Enter(const std::string& tenant,
                                         std::optional<uint64_t> limit = {}) {
    auto visit = governor.Enter(tenant, limit);
    return visit.ok() ? *std::move(visit) : nullptr;
  }
  absl::Status Wait(Governor::Visit& visit,
                    const std::shared_ptr<base::Cancellation>& cancellation = nullptr) {
    return visit.WaitForPlace(deadline, cancellation);
  }
  void AwaitWaiting(size_t count) {
    while (governor.usage().waiting_count < count) std::this_thread::yield();
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  absl::Time deadline = clock.Now() + absl::Seconds(25);
  Governor governor;
};

TEST_CASE("A tenant with too many requests is refused, others are not", "[governor]") {
  Fixture fixture({.tenant_present_max = 2});
  const auto first = fixture.Enter("a");
  auto second = fixture.Enter("a");
  const auto third = fixture.governor.Enter("a", std::nullopt);
  CHECK(absl::IsResourceExhausted(third.status()));
  CHECK(base::ReasonOf(third.status()) == kTooManyQueries);
  CHECK_THAT(
      std::string(third.status().message()),
      Catch::Contains("the tenant a has 2 requests") && Catch::Contains("--tenant-requests-max"));
  CHECK(fixture.Enter("b") != nullptr);
  second.reset();
  CHECK(fixture.Enter("a") != nullptr);
}

TEST_CASE("A query that finds no place waits until one is given back", "[governor]") {
  Fixture fixture({.running_max = 1});
  auto first = fixture.Enter("a");
  REQUIRE(fixture.Wait(*first).ok());
  REQUIRE(fixture.Wait(*first).ok());  // has it already
  const auto second = fixture.Enter("b");
  absl::Status status = absl::UnknownError("");
  std::thread waiting([&] { status = fixture.Wait(*second); });
  fixture.AwaitWaiting(1);
  first.reset();
  waiting.join();
  CHECK(status.ok());
  CHECK(fixture.governor.usage().running_count == 1);
}

TEST_CASE("Waiting ends after its time with the limit's name", "[governor]") {
  Fixture fixture({.running_max = 4, .tenant_running_max = 1});
  const auto first = fixture.Enter("a");
  REQUIRE(fixture.Wait(*first).ok());
  const auto second = fixture.Enter("a");
  absl::Status status;
  std::thread waiting([&] { status = fixture.Wait(*second); });
  fixture.AwaitWaiting(1);
  SECTION("of waiting") {
    fixture.clock.Advance(absl::Seconds(11));
    waiting.join();
    CHECK(absl::IsResourceExhausted(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains("waited 10s (--queue-timeout)") &&
                                                  Catch::Contains("1 places to run"));
  }
  SECTION("of the whole request") {
    fixture.clock.Advance(absl::Seconds(26));
    waiting.join();
    CHECK(absl::IsDeadlineExceeded(status));
  }
  CHECK(fixture.governor.usage().waiting_count == 0);
}

TEST_CASE("A client that goes away leaves the queue", "[governor]") {
  Fixture fixture({.running_max = 1});
  auto first = fixture.Enter("a");
  REQUIRE(fixture.Wait(*first).ok());
  const auto cancellation = std::make_shared<base::Cancellation>();
  auto second = fixture.Enter("a");
  absl::Status status;
  std::thread waiting([&] { status = fixture.Wait(*second, cancellation); });
  fixture.AwaitWaiting(1);
  cancellation->Cancel();
  waiting.join();
  CHECK(absl::IsCancelled(status));
  second.reset();
  first.reset();
  CHECK(fixture.governor.usage().running_count == 0);
  CHECK(fixture.governor.usage().present_count == 0);
}

TEST_CASE("A tenant's own limit replaces the default; 0 lifts it", "[governor]") {
  Fixture fixture({.running_max = 3, .tenant_running_max = 1});
  std::vector<std::unique_ptr<Governor::Visit>> visits;
  for (int i = 0; i < 3; ++i) {
    visits.push_back(fixture.Enter("a", 0));
    CHECK(fixture.Wait(*visits.back()).ok());
  }
  CHECK(fixture.governor.usage().running_count == 3);
}

TEST_CASE("Many threads share the places without losing any", "[governor]") {
  base::SystemClock clock;
  Governor governor({.running_max = 3, .tenant_present_max = 1000}, clock);
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        auto visit = governor.Enter(std::to_string(i % 4), 2);
        const auto cancellation = std::make_shared<base::Cancellation>();
        if (round % 7 == 0) cancellation->Cancel();
        (void)(*visit)->WaitForPlace(absl::InfiniteFuture(), cancellation);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(governor.usage().running_count == 0);
  CHECK(governor.usage().waiting_count == 0);
  CHECK(governor.usage().present_count == 0);
}

}  // namespace
}  // namespace plumbago::query

// Who works and who waits, with threads that meet at conditions and a clock that stands.
#include "query/coalescer.h"

#include <catch2/catch.hpp>
#include <future>
#include <thread>

namespace plumbago::query {
namespace {

using Numbers = Coalescer<int>;
using Shared = std::shared_ptr<base::Cancellation>;

class Fixture {
 public:
  Numbers::Participant Who(absl::Duration time = absl::Seconds(20)) {
    return {clock.Now() + time, std::make_shared<base::Cancellation>()};
  }
  // Takes part with work that no one should do.
  std::future<Numbers::Outcome> Follow(const Numbers::Participant& who) {
    return std::async(std::launch::async, [this, who] {
      return numbers.Run("k", who, [this](const Shared&) {
        ++work_count;
        return Numbers::Result(std::make_shared<const int>(-1));
      });
    });
  }
  // Returns when a follower waits beside the leader.
  void AwaitFollower() {
    while (numbers.participant_count("k") < 2) std::this_thread::yield();
  }
  // Does the work "k", which ends with `result` when `end` is set, or with its cancellation.
  std::future<Numbers::Outcome> Lead(const Numbers::Participant& who, Numbers::Result result) {
    auto future = std::async(std::launch::async, [this, who, result] {
      return numbers.Run("k", who, [&](const Shared& cancellation) {
        has_begun = true;
        while (!end && !cancellation->IsCancelled()) std::this_thread::yield();
        return cancellation->IsCancelled() ? Numbers::Result(absl::CancelledError("")) : result;
      });
    });
    while (!has_begun) std::this_thread::yield();
    return future;
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  Numbers numbers{clock};
  std::atomic<bool> has_begun{false};
  std::atomic<bool> end{false};
  std::atomic<int> work_count{0};
};

TEST_CASE("Equal work under way is shared, other work and later work is not", "[coalescer]") {
  Fixture fixture;
  auto leader = fixture.Lead(fixture.Who(), std::make_shared<const int>(7));
  auto follower = fixture.Follow(fixture.Who());
  const auto other = fixture.numbers.Run("other", fixture.Who(), [](const Shared&) {
    return Numbers::Result(std::make_shared<const int>(8));
  });
  CHECK(**other.result == 8);
  fixture.AwaitFollower();
  fixture.end = true;
  CHECK(**leader.get().result == 7);
  const auto outcome = follower.get();
  CHECK(outcome.is_shared);
  CHECK(**outcome.result == 7);
  CHECK(**fixture.Follow(fixture.Who()).get().result == -1);
}

TEST_CASE("Work goes on for the others when the one who began it is gone", "[coalescer]") {
  Fixture fixture;
  const auto who = fixture.Who();
  auto leader = fixture.Lead(who, std::make_shared<const int>(7));
  auto follower = fixture.Follow(fixture.Who());
  fixture.AwaitFollower();
  who.cancellation->Cancel();
  fixture.end = true;
  leader.get();
  CHECK(follower.get().result.ok());
}

TEST_CASE("The last one who leaves cancels the work", "[coalescer]") {
  Fixture fixture;
  const auto first = fixture.Who();
  const auto second = fixture.Who();
  auto leader = fixture.Lead(first, std::make_shared<const int>(7));
  auto follower = fixture.Follow(second);
  fixture.AwaitFollower();
  second.cancellation->Cancel();
  CHECK(absl::IsCancelled(follower.get().result.status()));
  CHECK(fixture.work_count == 0);
  first.cancellation->Cancel();
  CHECK(absl::IsCancelled(leader.get().result.status()));
  CHECK(fixture.Follow(fixture.Who()).get().result.ok());
}

TEST_CASE("Each waits until its own deadline", "[coalescer]") {
  Fixture fixture;
  auto leader = fixture.Lead(fixture.Who(), std::make_shared<const int>(7));
  const auto outcome = fixture.numbers.Run("k", fixture.Who(absl::ZeroDuration()),
                                           [](const Shared&) { return Numbers::Result(nullptr); });
  CHECK(absl::IsDeadlineExceeded(outcome.result.status()));
  fixture.end = true;
  CHECK(leader.get().result.ok());
}

TEST_CASE("Errors are shared, but not that the time of another is over", "[coalescer]") {
  Fixture fixture;
  auto leader = fixture.Lead(fixture.Who(), absl::DeadlineExceededError("late"));
  auto follower = fixture.Follow(fixture.Who());
  fixture.AwaitFollower();
  fixture.end = true;
  CHECK(absl::IsDeadlineExceeded(leader.get().result.status()));
  CHECK(**follower.get().result == -1);
}

}  // namespace
}  // namespace plumbago::query

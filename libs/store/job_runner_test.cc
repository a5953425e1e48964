// Proves that jobs run one at a time and in order, that their progress reaches watchers, that they
// can be cancelled while they wait and while they run, and that everything kept is bounded.
#include "store/job_runner.h"

#include <catch2/catch.hpp>
#include <future>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

JobRunner::Description Named(absl::string_view text) {
  return {.tenant = "t", .text = std::string(text), .is_dry_run = false};
}

absl::Status DoNothing(JobProgress&) { return absl::OkStatus(); }

v1::Job AwaitEnd(const JobRunner& runner, uint64_t id) {
  uint64_t version = 0;
  for (;;) {
    const auto watched = runner.Await(id, version, kLong);
    REQUIRE(watched.ok());
    if (watched->has_ended) return watched->job;
    REQUIRE(watched->version > version);
    version = watched->version;
  }
}

// A job that runs until it is let go or cancelled.
class Gate {
 public:
  JobRunner::Work work() {
    return [this](JobProgress& progress) {
      entered_.set_value();
      while (open_.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
        PLUMBAGO_RETURN_IF_ERROR(progress.CheckCancelled());
      }
      return absl::OkStatus();
    };
  }
  void AwaitEntered() { entered_.get_future().wait(); }
  void Open() { opener_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> opener_;
  std::future<void> open_ = opener_.get_future();
};

struct Fixture {
  Fixture() { runner.Start(); }
  base::SystemClock clock;
  JobRunner runner{clock, {}};
};

TEST_CASE("A job's progress, items and end are seen by whoever watches it", "[jobs]") {
  Fixture fixture;
  const auto job = fixture.runner.Submit(Named("count"), [](JobProgress& progress) {
    progress.SetTotal(4);
    progress.AddDone();
    progress.AddDone();
    progress.AddSkipped();
    progress.AddFailed();
    progress.AddBytes(10);
    progress.AddItem("a.b is there already");
    return absl::OkStatus();
  });
  REQUIRE(job.ok());
  CHECK(job->state() == v1::Job::WAITING);
  const v1::Job ended = AwaitEnd(fixture.runner, job->id());
  CHECK(ended.state() == v1::Job::SUCCEEDED);
  CHECK(ended.total_count() == 4);
  CHECK(ended.done_count() == 2);
  CHECK(ended.skipped_count() == 1);
  CHECK(ended.failed_count() == 1);
  CHECK(ended.byte_count() == 10);
  REQUIRE(ended.item_size() == 1);
  CHECK(ended.ended_unix_ms() >= ended.started_unix_ms());
  CHECK(ended.started_unix_ms() > 0);
  CHECK(fixture.runner.List().front().item_size() == 0);
  CHECK(absl::IsNotFound(fixture.runner.Await(99, 0, kLong).status()));
}

TEST_CASE("A job that fails says why", "[jobs]") {
  Fixture fixture;
  const auto job = fixture.runner.Submit(
      Named("fail"), [](JobProgress&) { return absl::DataLossError("it is broken"); });
  const v1::Job ended = AwaitEnd(fixture.runner, job->id());
  CHECK(ended.state() == v1::Job::FAILED);
  CHECK(ended.error() == "it is broken");
}

TEST_CASE("Jobs run in the order of their start, one at a time", "[jobs]") {
  Gate gate;  // outlives the job that waits for it
  Fixture fixture;
  std::vector<int> order;  // of the runner's thread until both have ended
  const auto first = fixture.runner.Submit(Named("first"), gate.work());
  const auto second = fixture.runner.Submit(Named("second"), [&](JobProgress&) {
    order.push_back(2);
    return absl::OkStatus();
  });
  gate.AwaitEntered();
  CHECK(fixture.runner.List().front().state() == v1::Job::WAITING);
  CHECK(fixture.runner.List().back().state() == v1::Job::RUNNING);
  gate.Open();
  CHECK(AwaitEnd(fixture.runner, second->id()).state() == v1::Job::SUCCEEDED);
  CHECK(AwaitEnd(fixture.runner, first->id()).state() == v1::Job::SUCCEEDED);
  CHECK(order == std::vector<int>{2});
}

TEST_CASE("A running job and a waiting one are cancelled, an ended one is not", "[jobs]") {
  Gate gate;  // outlives the job that waits for it
  Fixture fixture;
  const auto running = fixture.runner.Submit(Named("running"), gate.work());
  const auto waiting = fixture.runner.Submit(Named("waiting"), DoNothing);
  gate.AwaitEntered();
  CHECK(fixture.runner.Cancel(waiting->id())->state() == v1::Job::CANCELLED);
  CHECK(fixture.runner.Cancel(running->id()).ok());
  CHECK(AwaitEnd(fixture.runner, running->id()).state() == v1::Job::CANCELLED);
  CHECK(AwaitEnd(fixture.runner, waiting->id()).started_unix_ms() == 0);
  CHECK(absl::IsFailedPrecondition(fixture.runner.Cancel(running->id()).status()));
  CHECK(absl::IsNotFound(fixture.runner.Cancel(99).status()));
}

TEST_CASE("Only so many jobs wait, and a cancelled one makes room", "[jobs]") {
  Gate gate;  // outlives the job that waits for it
  Fixture fixture;
  REQUIRE(fixture.runner.Submit(Named("running"), gate.work()).ok());
  gate.AwaitEntered();
  uint64_t last_id = 0;
  for (size_t i = 0; i < JobRunner::kWaitingMax; ++i) {
    const auto job = fixture.runner.Submit(Named("waiting"), DoNothing);
    REQUIRE(job.ok());
    last_id = job->id();
  }
  CHECK(absl::IsResourceExhausted(fixture.runner.Submit(Named("more"), DoNothing).status()));
  REQUIRE(fixture.runner.Cancel(last_id).ok());
  CHECK(fixture.runner.Submit(Named("more"), DoNothing).ok());
  gate.Open();
}

TEST_CASE("Ended jobs and items are kept up to a bound, and all items are counted", "[jobs]") {
  Fixture fixture;
  const auto first = fixture.runner.Submit(Named("items"), [](JobProgress& progress) {
    for (int i = 0; i < JobRunner::kItemsMax + 5; ++i) progress.AddItem(absl::StrCat("item ", i));
    return absl::OkStatus();
  });
  const v1::Job ended = AwaitEnd(fixture.runner, first->id());
  CHECK(ended.item_size() == JobRunner::kItemsMax);
  CHECK(ended.item_count() == JobRunner::kItemsMax + 5);
  for (size_t i = 0; i < JobRunner::kEndedMax; ++i) {
    AwaitEnd(fixture.runner, fixture.runner.Submit(Named("more"), DoNothing)->id());
  }
  CHECK(fixture.runner.List().size() == JobRunner::kEndedMax);
  CHECK(absl::IsNotFound(fixture.runner.Await(first->id(), 0, kLong).status()));
}

TEST_CASE("A drain cancels what runs and what waits, and nothing starts after it", "[jobs]") {
  Gate gate;  // outlives the job that waits for it
  Fixture fixture;
  const auto running = fixture.runner.Submit(Named("running"), gate.work());
  const auto waiting = fixture.runner.Submit(Named("waiting"), DoNothing);
  gate.AwaitEntered();
  fixture.runner.Drain();
  CHECK(AwaitEnd(fixture.runner, running->id()).state() == v1::Job::CANCELLED);
  CHECK(AwaitEnd(fixture.runner, waiting->id()).state() == v1::Job::CANCELLED);
  CHECK(absl::IsUnavailable(fixture.runner.Submit(Named("late"), DoNothing).status()));
}

TEST_CASE("Housekeeping runs while there is no job", "[jobs]") {
  base::SystemClock clock;
  std::promise<void> has_run;
  std::atomic<int> count{0};
  JobRunner runner(clock, {.housekeeping =
                               [&] {
                                 if (++count == 1) has_run.set_value();
                               },
                           .housekeeping_interval = absl::Milliseconds(1)});
  runner.Start();
  has_run.get_future().wait();
  runner.Drain();
  CHECK(count >= 1);
}

}  // namespace
}  // namespace plumbago::store

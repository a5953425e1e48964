// Waits for several asynchronous calls, each with the same deadline.
//
// One thread starts the calls and waits; the completions come on any threads. A call that has not
// answered soon after the deadline counts as DeadlineExceeded, and its late answer is dropped.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/shard_client.h"

namespace plumbago::query {

template <typename T>
class Gather {
 public:
  using Result = absl::StatusOr<std::vector<T>>;

  // The completion of one more call; its result has the index of the order of these calls.
  ShardClient::Done<T> Expect() {
    base::MutexLock lock(state_->mutex);
    const size_t index = state_->results.size();
    state_->results.emplace_back();
    ++state_->pending_count;
    return [state = state_, index](Result result) {
      base::MutexLock state_lock(state->mutex);
      if (state->is_closed || state->results[index].has_value()) return;
      state->results[index] = std::move(result);
      if (--state->pending_count == 0) state->all_done.NotifyAll();
    };
  }

  // All results, in the order of Expect().
  std::vector<Result> Wait(base::Clock& clock, absl::Time deadline) {
    const absl::Time last = deadline + kGrace;
    base::MutexLock lock(state_->mutex);
    while (state_->pending_count > 0) {
      const absl::Duration left = last - clock.Now();
      if (left <= absl::ZeroDuration()) break;
      state_->all_done.WaitFor(lock, absl::ToInt64Nanoseconds(std::min(left, kGrace)));
    }
    state_->is_closed = true;
    std::vector<Result> results;
    for (std::optional<Result>& result : state_->results) {
      results.push_back(result.has_value() ? *std::move(result)
                                           : absl::DeadlineExceededError("no answer in time"));
    }
    return results;
  }

 private:
  // Calls end by their deadline themselves; the rest is for the way back.
  static constexpr absl::Duration kGrace = absl::Milliseconds(250);

  struct State {
    base::Mutex mutex;
    base::CondVar all_done;
    std::vector<std::optional<Result>> results ABSL_GUARDED_BY(mutex);
    size_t pending_count ABSL_GUARDED_BY(mutex) = 0;
    bool is_closed ABSL_GUARDED_BY(mutex) = false;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with late completions
};

}  // namespace plumbago::query

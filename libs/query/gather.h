// Waits for several asynchronous calls, of any kinds, together.
//
// One thread starts the calls and waits; the completions come on any threads. What has not answered
// when the waiting ends counts as DeadlineExceeded, and its late answer is dropped: the answers may
// then be read without a lock.
#pragma once

#include <algorithm>
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

// The answer of one call. Read it where CallGroup allows: in its predicates, and after Close().
template <typename T>
class AnswerOf {
 public:
  bool is_there() const { return state_ != nullptr && state_->has_value(); }
  bool has_failed() const { return is_there() && !(*state_)->ok(); }
  // Nothing is to come: it is there, or was never asked for.
  bool has_ended() const { return state_ == nullptr || state_->has_value(); }
  absl::Status status() const {
    return is_there() ? (*state_)->status() : absl::DeadlineExceededError("no answer in time");
  }
  // Of an answer whose status is OK.
  std::vector<T>& items() { return ***state_; }
  const std::vector<T>& items() const { return ***state_; }

 private:
  friend class CallGroup;
  std::shared_ptr<std::optional<absl::StatusOr<std::vector<T>>>> state_;  // with the completion
};

class CallGroup {
 public:
  CallGroup() = default;
  ~CallGroup() { Close(); }
  CallGroup(const CallGroup&) = delete;
  CallGroup& operator=(const CallGroup&) = delete;

  // The completion of one more call, which puts its result into `answer`.
  template <typename T>
  ShardClient::Done<T> Expect(AnswerOf<T>& answer) {
    answer.state_ = std::make_shared<std::optional<absl::StatusOr<std::vector<T>>>>();
    return [state = state_, slot = answer.state_](absl::StatusOr<std::vector<T>> result) {
      base::MutexLock state_lock(state->mutex);
      if (state->is_closed || slot->has_value()) return;
      slot->emplace(std::move(result));
      state->changed.NotifyAll();
    };
  }

  // Waits until `is_enough()`, which may read answers, and is asked after each; at most until
  // `until`. Returns whether it is.
  template <typename Predicate>
  bool WaitUntil(base::Clock& clock, absl::Time until, const Predicate& is_enough) {
    base::MutexLock lock(state_->mutex);
    while (!is_enough()) {
      const absl::Duration left = until - clock.Now();
      if (left <= absl::ZeroDuration()) return false;
      state_->changed.WaitFor(lock, absl::ToInt64Nanoseconds(std::min(left, kGrace)));
    }
    return true;
  }

  // Answers change no more.
  void Close() {
    base::MutexLock lock(state_->mutex);
    state_->is_closed = true;
  }

  // For the way back of what ends by its deadline.
  static constexpr absl::Duration kGrace = absl::Milliseconds(250);

 private:
  struct State {
    base::Mutex mutex;
    base::CondVar changed;
    bool is_closed ABSL_GUARDED_BY(mutex) = false;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with late completions
};

}  // namespace plumbago::query

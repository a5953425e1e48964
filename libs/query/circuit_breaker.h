// Whether calls to one service of a shard have a chance, judged by what became of the last ones.
//
//   closed     calls are made. Opens after consecutive failures, after consecutive timeouts, by the
//              share of failures among many calls, or when calls are under way, nothing at all has
//              been heard for the stall time, and a probe fails too.
//   open       calls are refused at once. Whoever owns the breaker probes the service beside the
//              calls of users; a probe that succeeds half-opens it.
//   half-open  a few calls are made; the first that succeeds closes it, one that fails opens it.
//
// Thread-safe; no call blocks.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plumbago::query {

struct BreakerOptions {
  int failures_max = 5;  // consecutive, of any kind
  int timeouts_max = 2;  // consecutive
  // In a window, of at least so many calls.
  double failed_share_max = 0.5;
  int window_calls_min = 20;
  absl::Duration window = absl::Seconds(10);
  absl::Duration stall_time = absl::Milliseconds(750);
  absl::Duration probe_interval = absl::Milliseconds(500);
  int trial_calls_max = 10;  // at a time, half-open
};

class CircuitBreaker {
 public:
  enum class State { kClosed = 0, kHalfOpen = 1, kOpen = 2 };

  struct Status {
    State state = State::kClosed;
    std::string reason;       // of the last opening, empty before it
    absl::Time since;         // of the state
    uint64_t open_count = 0;  // how often it opened
    uint64_t refused_count = 0;
  };

  // The clock must outlive the breaker.
  CircuitBreaker(base::Clock& clock, const BreakerOptions& options);

  // Whether a call may be made. Each that may is followed by one Finish().
  bool Admit();
  // What became of a call. Cancelled ones and faults of the request are no failures; but a service
  // that is silent while calls are cancelled is silent.
  void Finish(const absl::Status& result, absl::Duration taken);
  // A message of some call has arrived.
  void Progress();

  // True at most once in an interval while it is open or calls stall: probe now, and say how it
  // went.
  bool TakeProbe();
  void ProbeEnded(const absl::Status& result);

  // Neither admits nor counts anything; false where all calls are refused.
  bool IsUsable();
  Status status();

 private:
  void Hear() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsStalled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Become(State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Open(std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountSuccess() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountFailure(const absl::Status& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountInWindow(int failed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Clock& clock_;
  const BreakerOptions options_;

  base::Mutex mutex_;
  Status status_ ABSL_GUARDED_BY(mutex_);
  int calls_under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  // When something was last heard, or the first of the calls under way began. Monotonic.
  absl::Duration heard_at_ ABSL_GUARDED_BY(mutex_);
  // A call was cancelled since, perhaps because a replica was faster: the silence goes on.
  bool is_unanswered_ ABSL_GUARDED_BY(mutex_) = false;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // consecutive
  int timeouts_ ABSL_GUARDED_BY(mutex_) = 0;  // consecutive
  absl::Duration window_begin_ ABSL_GUARDED_BY(mutex_);
  int window_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int window_failed_ ABSL_GUARDED_BY(mutex_) = 0;
  int trial_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration probed_at_ ABSL_GUARDED_BY(mutex_);
};

// "closed", "half-open", "open".
const char* StateName(CircuitBreaker::State state);

// What a refused call gives: Unavailable, and recognisable.
absl::Status BreakerOpenError();
bool IsBreakerOpen(const absl::Status& status);

}  // namespace plumbago::query

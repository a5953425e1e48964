#include "query/circuit_breaker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace plumbago::query {
namespace {

constexpr char kPayload[] = "plumbago/breaker-open";

// Codes by which a service says that it cannot serve. All others are answers.
bool IsFailure(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace

CircuitBreaker::CircuitBreaker(base::Clock& clock, const BreakerOptions& options)
    : clock_(clock), options_(options) {
  status_.since = clock_.Now();
  window_begin_ = clock_.Monotonic();
  probed_at_ = -absl::InfiniteDuration();
}

bool CircuitBreaker::Admit() {
  base::MutexLock lock(mutex_);
  const bool is_refused =
      status_.state == State::kOpen ||
      (status_.state == State::kHalfOpen && trial_calls_ >= options_.trial_calls_max);
  if (is_refused) {
    ++status_.refused_count;
    return false;
  }
  if (status_.state == State::kHalfOpen) ++trial_calls_;
  if (calls_under_way_++ == 0 && !is_unanswered_) heard_at_ = clock_.Monotonic();
  return true;
}

void CircuitBreaker::Finish(const absl::Status& result, absl::Duration taken) {
  base::MutexLock lock(mutex_);
  --calls_under_way_;
  const bool is_trial = status_.state == State::kHalfOpen && trial_calls_ > 0;
  if (is_trial) --trial_calls_;
  // A call that had little time left says nothing by not using more.
  const bool was_too_short =
      absl::IsDeadlineExceeded(result) && taken < std::min(options_.stall_time, absl::Seconds(1));
  if (absl::IsCancelled(result)) is_unanswered_ = true;
  if (absl::IsCancelled(result) || was_too_short) return;
  if (!IsFailure(result)) {
    Hear();
    return CountSuccess();
  }
  CountFailure(result);
}

void CircuitBreaker::Progress() {
  base::MutexLock lock(mutex_);
  Hear();
}

bool CircuitBreaker::TakeProbe() {
  base::MutexLock lock(mutex_);
  const absl::Duration now = clock_.Monotonic();
  const bool is_wanted = status_.state == State::kOpen || IsStalled();
  if (!is_wanted || now - probed_at_ < options_.probe_interval) return false;
  probed_at_ = now;
  return true;
}

void CircuitBreaker::ProbeEnded(const absl::Status& result) {
  base::MutexLock lock(mutex_);
  if (result.ok()) {
    Hear();
    if (status_.state == State::kOpen) Become(State::kHalfOpen);
  } else if (status_.state != State::kOpen && IsStalled()) {
    Open(absl::StrCat("nothing heard for ", absl::FormatDuration(options_.stall_time), " of ",
                      calls_under_way_, " calls, and of a probe"));
  }
}

bool CircuitBreaker::IsUsable() {
  base::MutexLock lock(mutex_);
  return status_.state != State::kOpen;
}

CircuitBreaker::Status CircuitBreaker::status() {
  base::MutexLock lock(mutex_);
  return status_;
}

bool CircuitBreaker::IsStalled() const {
  const bool is_waited_for = calls_under_way_ > 0 || is_unanswered_;
  return is_waited_for && clock_.Monotonic() - heard_at_ > options_.stall_time;
}

void CircuitBreaker::Hear() {
  heard_at_ = clock_.Monotonic();
  is_unanswered_ = false;
}

void CircuitBreaker::CountSuccess() {
  failures_ = 0;
  timeouts_ = 0;
  // A call that was made before it opened has come through after all.
  if (status_.state != State::kClosed) return Become(State::kClosed);
  CountInWindow(0);
}

void CircuitBreaker::CountFailure(const absl::Status& result) {
  ++failures_;
  timeouts_ = absl::IsDeadlineExceeded(result) ? timeouts_ + 1 : 0;
  if (status_.state == State::kOpen) return;
  CountInWindow(1);
  const std::string last = absl::StatusCodeToString(result.code());
  if (status_.state == State::kHalfOpen) {
    Open(absl::StrCat("a trial call failed: ", last));
  } else if (timeouts_ >= options_.timeouts_max) {
    Open(absl::StrCat(timeouts_, " timeouts in a row"));
  } else if (failures_ >= options_.failures_max) {
    Open(absl::StrCat(failures_, " failures in a row, the last ", last));
  } else if (window_calls_ >= options_.window_calls_min &&
             window_failed_ > options_.failed_share_max * window_calls_) {
    Open(absl::StrCat(window_failed_, " of ", window_calls_, " calls failed, the last ", last));
  }
}

void CircuitBreaker::CountInWindow(int failed) {
  const absl::Duration now = clock_.Monotonic();
  if (now - window_begin_ > options_.window) {
    window_begin_ = now;
    window_calls_ = 0;
    window_failed_ = 0;
  }
  ++window_calls_;
  window_failed_ += failed;
}

void CircuitBreaker::Open(std::string reason) {
  status_.reason = std::move(reason);
  ++status_.open_count;
  probed_at_ = clock_.Monotonic();
  Become(State::kOpen);
}

void CircuitBreaker::Become(State state) {
  status_.state = state;
  status_.since = clock_.Now();
  trial_calls_ = 0;
  failures_ = 0;
  timeouts_ = 0;
  window_begin_ = clock_.Monotonic();
  window_calls_ = 0;
  window_failed_ = 0;
}

const char* StateName(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kHalfOpen:
      return "half-open";
    case CircuitBreaker::State::kOpen:
      return "open";
  }
  return "";
}

absl::Status BreakerOpenError() {
  absl::Status status = absl::UnavailableError(
      "the shard has not answered lately and is not asked until it does (its breaker is open)");
  status.SetPayload(kPayload, absl::Cord("1"));
  return status;
}

bool IsBreakerOpen(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

}  // namespace plumbago::query

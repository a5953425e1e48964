// Equal work that is asked for several times at once is done once.
//
// The first to ask for a key does the work on its thread, the others wait for its result, each
// until its own deadline or cancellation. The work itself is cancelled only when all have gone.
// Where the work ends because the time of the one who does it is over, those who still have time
// begin anew. Thread-safe; Run blocks its thread. Results are shared and immutable.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plumbago::query {

template <typename Value>
class Coalescer {
 public:
  using Result = absl::StatusOr<std::shared_ptr<const Value>>;
  struct Participant {
    absl::Time deadline;
    std::shared_ptr<base::Cancellation> cancellation;  // never null
  };
  struct Outcome {
    Result result;
    bool is_shared = false;  // another did the work
  };

  explicit Coalescer(base::Clock& clock) : clock_(clock) {}  // must outlive it

  // `work` is called with the cancellation that it has to heed: not at all, or once.
  template <typename Work>
  Outcome Run(const std::string& key, const Participant& who, const Work& work) {
    while (true) {
      const auto [flight, leads] = Join(key);
      const Membership membership(flight, who.cancellation);
      if (leads) return {Lead(key, flight, work), false};
      std::optional<Result> result = Follow(*flight, who);
      if (result.has_value()) return {*std::move(result), true};
    }
  }

  // Who does or waits for the work of a key now.
  size_t participant_count(const std::string& key) {
    base::MutexLock lock(mutex_);
    const auto entry = flights_.find(key);
    if (entry == flights_.end()) return 0;
    base::MutexLock flight_lock(entry->second->mutex);
    return entry->second->member_count;
  }

 private:
  // Shared by those who take part, the map, and cancellations under way.
  struct Flight {
    // Of the work. Shared with it.
    const std::shared_ptr<base::Cancellation> cancellation = std::make_shared<base::Cancellation>();
    base::Mutex mutex;
    base::CondVar changed;
    std::optional<Result> result ABSL_GUARDED_BY(mutex);
    size_t member_count ABSL_GUARDED_BY(mutex) = 1;
  };

  // From joining to leaving; cancellation is leaving.
  class Membership {
   public:
    Membership(std::shared_ptr<Flight> flight, std::shared_ptr<base::Cancellation> own)
        : flight_(std::move(flight)), own_(std::move(own)) {
      callback_ =
          own_->Add([flight = flight_, has_left = has_left_] { Leave(*flight, *has_left); });
    }
    ~Membership() {
      own_->Remove(callback_);
      Leave(*flight_, *has_left_);
    }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

   private:
    static void Leave(Flight& flight, std::atomic<bool>& has_left) {
      if (has_left.exchange(true)) return;
      bool is_last = false;
      {
        base::MutexLock lock(flight.mutex);
        is_last = --flight.member_count == 0;
        flight.changed.NotifyAll();
      }
      if (is_last) flight.cancellation->Cancel();
    }

    const std::shared_ptr<Flight> flight_;
    const std::shared_ptr<base::Cancellation> own_;
    // Shared with the callback.
    const std::shared_ptr<std::atomic<bool>> has_left_ = std::make_shared<std::atomic<bool>>(false);
    uint64_t callback_ = 0;
  };

  // The flight and whether the caller is to do its work.
  std::pair<std::shared_ptr<Flight>, bool> Join(const std::string& key) {
    base::MutexLock lock(mutex_);
    std::shared_ptr<Flight>& flight = flights_[key];
    if (flight != nullptr) {
      base::MutexLock flight_lock(flight->mutex);
      // What all have left is being cancelled.
      if (flight->member_count > 0 && !flight->result.has_value()) {
        ++flight->member_count;
        return {flight, false};
      }
    }
    flight = std::make_shared<Flight>();
    return {flight, true};
  }

  template <typename Work>
  Result Lead(const std::string& key, const std::shared_ptr<Flight>& flight, const Work& work) {
    Result result = work(flight->cancellation);
    base::MutexLock lock(mutex_);
    const auto entry = flights_.find(key);
    if (entry != flights_.end() && entry->second == flight) flights_.erase(entry);
    base::MutexLock flight_lock(flight->mutex);
    flight->result = result;
    flight->changed.NotifyAll();
    return result;
  }

  // Nothing: the work ended with the time of the one who did it, not with the caller's.
  std::optional<Result> Follow(Flight& flight, const Participant& who) {
    base::MutexLock lock(flight.mutex);
    while (!flight.result.has_value()) {
      if (who.cancellation->IsCancelled()) return absl::CancelledError("the query was cancelled");
      const absl::Duration left = who.deadline - clock_.Now();
      if (left <= absl::ZeroDuration()) {
        return absl::DeadlineExceededError(
            "the query waited for an equal one until its time was over");
      }
      flight.changed.WaitFor(lock, absl::ToInt64Nanoseconds(std::min(left, kLook)));
    }
    const absl::Status& status = flight.result->status();
    const bool is_of_leader = absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
    if (is_of_leader && clock_.Now() < who.deadline) return std::nullopt;
    return flight.result;
  }

  // Between two looks at the clock, which a test may advance without a notice.
  static constexpr absl::Duration kLook = absl::Milliseconds(250);

  base::Clock& clock_;
  base::Mutex mutex_;  // before that of a flight
  std::map<std::string, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::query

#include "query/governor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::query {
namespace {

// Between two looks at the clock, which a test may advance without a notice.
constexpr absl::Duration kLook = absl::Milliseconds(250);

absl::Status Refusal(const std::string& message) {
  return base::WithReason(absl::ResourceExhaustedError(message), kTooManyQueries);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Governor::Visit>> Governor::Enter(
    const std::string& tenant, std::optional<uint64_t> tenant_running_max) {
  size_t running_max = tenant_running_max.value_or(options_.tenant_running_max);
  if (running_max == 0) running_max = options_.running_max;
  base::MutexLock lock(mutex_);
  size_t& present = present_[tenant];
  if (present >= options_.tenant_present_max) {
    return Refusal(absl::StrCat("the tenant ", tenant, " has ", present,
                                " requests running and waiting, as many as it may "
                                "(--tenant-requests-max); try again, and ask for less at a time"));
  }
  ++present;
  ++present_count_;
  return std::unique_ptr<Visit>(new Visit(*this, tenant, running_max));
}

Governor::Visit::~Visit() { governor_.Leave(*this); }

absl::Status Governor::Visit::WaitForPlace(
    absl::Time deadline, const std::shared_ptr<base::Cancellation>& cancellation) {
  if (has_place_) return absl::OkStatus();
  const auto waiter = std::make_shared<Waiter>();
  uint64_t id = 0;
  {
    base::MutexLock lock(governor_.mutex_);
    id = ++governor_.last_id_;
    governor_.queue_.Add(id, tenant_, running_max_);
    governor_.waiters_.emplace(id, waiter);
    governor_.GrantPlaces();
  }
  uint64_t callback = 0;
  if (cancellation != nullptr) {
    callback = cancellation->Add([waiter] {
      base::MutexLock lock(waiter->mutex);
      waiter->is_cancelled = true;
      waiter->changed.NotifyAll();
    });
  }
  const absl::Time until = std::min(deadline, governor_.clock_.Now() + governor_.options_.wait_max);
  absl::Status cause = absl::OkStatus();
  {
    base::MutexLock lock(waiter->mutex);
    while (!waiter->is_granted && cause.ok()) {
      const absl::Duration left = until - governor_.clock_.Now();
      if (waiter->is_cancelled) {
        cause = absl::CancelledError("the query was cancelled while it waited");
      } else if (left <= absl::ZeroDuration()) {
        cause = governor_.NoPlace(*this, deadline);
      } else {
        waiter->changed.WaitFor(lock, absl::ToInt64Nanoseconds(std::min(left, kLook)));
      }
    }
  }
  if (cancellation != nullptr) cancellation->Remove(callback);
  const absl::Status status = governor_.EndWait(*this, id, cause);
  has_place_ = status.ok();
  return status;
}

absl::Status Governor::EndWait(const Visit& visit, uint64_t id, const absl::Status& cause) {
  base::MutexLock lock(mutex_);
  waiters_.erase(id);
  // A place that came with the end of the waiting is taken: the query sees its own end soon enough.
  if (cause.ok() || !queue_.Remove(id, visit.tenant_)) return absl::OkStatus();
  return cause;
}

absl::Status Governor::NoPlace(const Visit& visit, absl::Time deadline) const {
  if (clock_.Now() >= deadline) {
    return absl::DeadlineExceededError(
        "the query waited for a place to run until its time was over");
  }
  return Refusal(absl::StrCat("the query waited ", absl::FormatDuration(options_.wait_max),
                              " (--queue-timeout) for one of ",
                              std::min(visit.running_max_, options_.running_max),
                              " places to run that the tenant ", visit.tenant_,
                              " has at most (--tenant-queries-max, or its limit "
                              "concurrent-queries); try again, and ask for "
                              "less at a time"));
}

void Governor::GrantPlaces() {
  while (const auto id = queue_.Next()) {
    Waiter& waiter = *waiters_.at(*id);
    base::MutexLock lock(waiter.mutex);
    waiter.is_granted = true;
    waiter.changed.NotifyAll();
  }
}

void Governor::Leave(const Visit& visit) {
  base::MutexLock lock(mutex_);
  const auto present = present_.find(visit.tenant_);
  if (--present->second == 0) present_.erase(present);
  --present_count_;
  if (!visit.has_place_) return;
  queue_.Finish(visit.tenant_);
  GrantPlaces();
}

Governor::Usage Governor::usage() const {
  base::MutexLock lock(mutex_);
  return {queue_.running_count(), queue_.waiting_count(), present_count_};
}

}  // namespace plumbago::query

#include "index/internal/event_log.h"

#include <algorithm>

namespace plumbago::index::internal {
namespace {

size_t EventBytes(const Event& event) {
  return sizeof(event) + event.tenant.size() + event.metric.size();
}

}  // namespace

void EventLog::StartAfter(uint64_t sequence) {
  base::MutexLock lock(mutex_);
  sequence_ = sequence;
}

void EventLog::Record(Event::Kind kind, absl::string_view tenant, absl::string_view metric) {
  base::MutexLock lock(mutex_);
  events_.push_back({++sequence_, kind, std::string(tenant), std::string(metric)});
  event_bytes_ += EventBytes(events_.back());
  while (events_.size() > kEventsMax || event_bytes_ > kEventBytesMax) {
    event_bytes_ -= EventBytes(events_.front());
    events_.pop_front();
  }
}

uint64_t EventLog::sequence() const {
  base::MutexLock lock(mutex_);
  return sequence_;
}

std::vector<Event> EventLog::After(uint64_t sequence, size_t max) const {
  base::MutexLock lock(mutex_);
  const uint64_t before_first = sequence_ - events_.size();
  if (sequence < before_first || sequence > sequence_) {
    return {{sequence_, Event::Kind::kReset, "", ""}};
  }
  const size_t skipped = sequence - before_first;
  const size_t count = std::min(max, events_.size() - skipped);
  const auto first = events_.begin() + static_cast<std::ptrdiff_t>(skipped);
  return std::vector<Event>(first, first + static_cast<std::ptrdiff_t>(count));
}

}  // namespace plumbago::index::internal

// The last changes of the index, for watchers: bounded in number and bytes.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "index/event.h"

namespace plumbago::index::internal {

class EventLog {
 public:
  // Before the first Record.
  void StartAfter(uint64_t sequence);

  void Record(Event::Kind kind, absl::string_view tenant, absl::string_view metric);
  uint64_t sequence() const;
  std::vector<Event> After(uint64_t sequence, size_t max) const;

 private:
  mutable base::Mutex mutex_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  size_t event_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbago::index::internal

// Where events are kept, without saying how it is asked. Calls block until their deadline at most.
// Thread-safe. Errors are those of plumbago/v1/events.proto plus Unavailable, DeadlineExceeded and
// Cancelled.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "plumbago/v1/events.pb.h"

namespace plumbago::query {

class EventSource {
 public:
  struct Call {
    absl::Time deadline;
    std::shared_ptr<base::Cancellation> cancellation = nullptr;  // of the request; null: none
  };

  virtual ~EventSource() = default;
  // The event with its id.
  virtual absl::StatusOr<v1::Event> Add(const Call& call, const v1::AddEventRequest& request) = 0;
  virtual absl::StatusOr<v1::Event> Get(const Call& call, const v1::GetEventRequest& request) = 0;
  // By time, the earliest first.
  virtual absl::StatusOr<std::vector<v1::Event>> Find(const Call& call,
                                                      const v1::FindEventsRequest& request) = 0;
};

}  // namespace plumbago::query

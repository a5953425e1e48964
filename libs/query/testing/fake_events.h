// Events in memory, without rules of their own; what is asked is recorded.
#pragma once

#include <string>
#include <vector>

#include "query/event_source.h"

namespace plumbago::query {

class FakeEvents final : public EventSource {
 public:
  absl::StatusOr<v1::Event> Add(const Call&, const v1::AddEventRequest& request) override {
    if (!failure.ok()) return failure;
    tenant = request.tenant();
    events.push_back(request.event());
    events.back().set_id(events.size());
    return events.back();
  }
  absl::StatusOr<v1::Event> Get(const Call&, const v1::GetEventRequest& request) override {
    if (!failure.ok()) return failure;
    tenant = request.tenant();
    if (request.id() > 0 && request.id() <= events.size()) return events[request.id() - 1];
    return absl::NotFoundError("tenant-controller: there is no such event");
  }
  absl::StatusOr<std::vector<v1::Event>> Find(const Call&,
                                              const v1::FindEventsRequest& request) override {
    if (!failure.ok()) return failure;
    requests.push_back(request);
    return events;
  }

  absl::Status failure;
  std::string tenant;  // that was asked last
  std::vector<v1::Event> events;
  std::vector<v1::FindEventsRequest> requests;
};

}  // namespace plumbago::query

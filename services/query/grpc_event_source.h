// EventSource over gRPC: the tenant-controller has the events of all query services.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plumbago/v1/events.grpc.pb.h"
#include "query/event_source.h"

namespace plumbago::query {

class GrpcEventSource final : public EventSource {
 public:
  // Connects when it is asked first.
  explicit GrpcEventSource(const std::string& controller_address);

  absl::StatusOr<v1::Event> Add(const Call& call, const v1::AddEventRequest& request) override;
  absl::StatusOr<v1::Event> Get(const Call& call, const v1::GetEventRequest& request) override;
  absl::StatusOr<std::vector<v1::Event>> Find(const Call& call,
                                              const v1::FindEventsRequest& request) override;

 private:
  const std::unique_ptr<v1::Events::Stub> stub_;
};

}  // namespace plumbago::query

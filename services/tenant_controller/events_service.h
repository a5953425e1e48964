// plumbago.v1.Events over a tenancy::EventStore. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include "plumbago/v1/events.grpc.pb.h"
#include "tenancy/event_store.h"
#include "tenancy/registry.h"

namespace plumbago::tenant_controller {

class EventsService final : public v1::Events::Service {
 public:
  // Both must outlive the service.
  EventsService(tenancy::EventStore& events, const tenancy::Registry& registry)
      : events_(events), registry_(registry) {}

  // The events of tenants that have been deleted go. Call it at the start and after each change of
  // the registry; what fails is logged and tried again by the next call.
  void RemoveOfDeletedTenants();

  grpc::Status AddEvent(grpc::ServerContext* context, const v1::AddEventRequest* request,
                        v1::Event* response) override;
  grpc::Status GetEvent(grpc::ServerContext* context, const v1::GetEventRequest* request,
                        v1::Event* response) override;
  grpc::Status FindEvents(grpc::ServerContext* context, const v1::FindEventsRequest* request,
                          grpc::ServerWriter<v1::FindEventsResponse>* writer) override;

 private:
  // NotFound where there is no such tenant, or no more.
  absl::Status CheckTenant(const std::string& id) const;

  tenancy::EventStore& events_;
  const tenancy::Registry& registry_;
};

}  // namespace plumbago::tenant_controller

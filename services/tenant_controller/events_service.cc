#include "events_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::tenant_controller {
namespace {

constexpr size_t kPartBytes = 1 << 20;

}  // namespace

absl::Status EventsService::CheckTenant(const std::string& id) const {
  const auto tenant = registry_.GetTenant(id);
  if (!tenant.ok()) return tenant.status();
  if (tenant->state() != v1::Tenant::DELETING) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("the tenant \"", id, "\" is being deleted"));
}

void EventsService::RemoveOfDeletedTenants() {
  for (const v1::Tenant& tenant : registry_.Current()->tenant()) {
    if (tenant.state() != v1::Tenant::DELETING) continue;
    const absl::Status removed = events_.RemoveTenant(tenant.id());
    if (removed.ok()) continue;
    base::LogError(
        absl::StrCat("the events of the deleted tenant ", tenant.id(),
                     " cannot be removed: ", std::string(removed.message()),
                     "; it is tried again at the next change of a tenant and at the next start"));
  }
}

grpc::Status EventsService::AddEvent(grpc::ServerContext*, const v1::AddEventRequest* request,
                                     v1::Event* response) {
  if (const auto status = CheckTenant(request->tenant()); !status.ok()) return rpc::ToGrpc(status);
  auto event = events_.Add(*request);
  if (!event.ok()) return rpc::ToGrpc(event.status());
  // Deleted meanwhile: nothing else would remove it before the next change.
  if (const auto status = CheckTenant(request->tenant()); !status.ok()) {
    RemoveOfDeletedTenants();
    return rpc::ToGrpc(status);
  }
  *response = *std::move(event);
  return grpc::Status::OK;
}

grpc::Status EventsService::GetEvent(grpc::ServerContext*, const v1::GetEventRequest* request,
                                     v1::Event* response) {
  if (const auto status = CheckTenant(request->tenant()); !status.ok()) return rpc::ToGrpc(status);
  auto event = events_.Get(request->tenant(), request->id());
  if (!event.ok()) return rpc::ToGrpc(event.status());
  *response = *std::move(event);
  return grpc::Status::OK;
}

grpc::Status EventsService::FindEvents(grpc::ServerContext* context,
                                       const v1::FindEventsRequest* request,
                                       grpc::ServerWriter<v1::FindEventsResponse>* writer) {
  if (const auto status = CheckTenant(request->tenant()); !status.ok()) return rpc::ToGrpc(status);
  v1::FindEventsResponse part;
  size_t part_bytes = 0;
  const auto send = [&] {
    const bool is_open = writer->Write(part) && !context->IsCancelled();
    part.Clear();
    part_bytes = 0;
    return is_open;
  };
  const absl::Status status = events_.Find(*request, [&](v1::Event event) {
    part_bytes += event.ByteSizeLong();
    *part.add_event() = std::move(event);
    return part_bytes < kPartBytes || send();
  });
  if (!status.ok()) return rpc::ToGrpc(status);
  if (part.event_size() > 0) send();
  return grpc::Status::OK;
}

}  // namespace plumbago::tenant_controller

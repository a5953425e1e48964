#include "tenants_service.h"

#include "admin_answer.h"

namespace plumbago::tenant_controller {

grpc::Status TenantsService::CreateTenant(grpc::ServerContext* context,
                                          const v1::CreateTenantRequest* request,
                                          v1::Tenant* response) {
  return AnswerChange(*context, "create tenant", request->id(), registry_.CreateTenant(*request),
                      response);
}

grpc::Status TenantsService::GetTenant(grpc::ServerContext*, const v1::GetTenantRequest* request,
                                       v1::Tenant* response) {
  auto tenant = registry_.GetTenant(request->id());
  if (!tenant.ok()) return rpc::ToGrpc(tenant.status());
  *response = std::move(*tenant);
  return grpc::Status::OK;
}

grpc::Status TenantsService::ListTenants(grpc::ServerContext*, const v1::ListTenantsRequest*,
                                         v1::ListTenantsResponse* response) {
  *response->mutable_tenant() = registry_.Current()->tenant();
  return grpc::Status::OK;
}

grpc::Status TenantsService::UpdateTenant(grpc::ServerContext* context,
                                          const v1::UpdateTenantRequest* request,
                                          v1::Tenant* response) {
  return AnswerChange(*context, "update tenant", request->id(), registry_.UpdateTenant(*request),
                      response);
}

grpc::Status TenantsService::SuspendTenant(grpc::ServerContext* context,
                                           const v1::SuspendTenantRequest* request,
                                           v1::Tenant* response) {
  return AnswerChange(*context, "suspend tenant", request->id(),
                      registry_.SuspendTenant(request->id()), response);
}

grpc::Status TenantsService::ResumeTenant(grpc::ServerContext* context,
                                          const v1::ResumeTenantRequest* request,
                                          v1::Tenant* response) {
  return AnswerChange(*context, "resume tenant", request->id(),
                      registry_.ResumeTenant(request->id()), response);
}

grpc::Status TenantsService::DeleteTenant(grpc::ServerContext* context,
                                          const v1::DeleteTenantRequest* request,
                                          v1::Tenant* response) {
  return AnswerChange(*context, "delete tenant", request->id(),
                      registry_.DeleteTenant(request->id()), response);
}

grpc::Status TenantsService::SetStoragePolicy(grpc::ServerContext* context,
                                              const v1::SetStoragePolicyRequest* request,
                                              v1::Tenant* response) {
  return AnswerChange(*context, "set storage policy of tenant", request->id(),
                      registry_.SetStoragePolicy(*request), response);
}

grpc::Status TenantsService::SetPrefixQuota(grpc::ServerContext* context,
                                            const v1::SetPrefixQuotaRequest* request,
                                            v1::Tenant* response) {
  return AnswerChange(*context, "set prefix quota of tenant", request->id(),
                      registry_.SetPrefixQuota(*request), response);
}

grpc::Status TenantsService::CreateKey(grpc::ServerContext* context,
                                       const v1::CreateKeyRequest* request,
                                       v1::CreateKeyResponse* response) {
  return AnswerChange(*context, "create key of tenant", request->tenant(),
                      registry_.CreateKey(*request), response);
}

grpc::Status TenantsService::ListKeys(grpc::ServerContext*, const v1::ListKeysRequest* request,
                                      v1::ListKeysResponse* response) {
  const auto keys = registry_.ListKeys(request->tenant());
  if (!keys.ok()) return rpc::ToGrpc(keys.status());
  response->mutable_key()->Assign(keys->begin(), keys->end());
  return grpc::Status::OK;
}

grpc::Status TenantsService::RevokeKey(grpc::ServerContext* context,
                                       const v1::RevokeKeyRequest* request, v1::Key* response) {
  return AnswerChange(*context, "revoke key", request->id(), registry_.RevokeKey(request->id()),
                      response);
}

}  // namespace plumbago::tenant_controller

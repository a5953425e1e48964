// plumbago.v1.Tenants over a tenancy::Registry. Thread-safe; each change is one log line.
#pragma once

#include <grpcpp/grpcpp.h>

#include "plumbago/v1/tenants.grpc.pb.h"
#include "tenancy/registry.h"

namespace plumbago::tenant_controller {

class TenantsService final : public v1::Tenants::Service {
 public:
  // `registry` must outlive the service.
  explicit TenantsService(tenancy::Registry& registry) : registry_(registry) {}

  grpc::Status CreateTenant(grpc::ServerContext* context, const v1::CreateTenantRequest* request,
                            v1::Tenant* response) override;
  grpc::Status GetTenant(grpc::ServerContext* context, const v1::GetTenantRequest* request,
                         v1::Tenant* response) override;
  grpc::Status ListTenants(grpc::ServerContext* context, const v1::ListTenantsRequest* request,
                           v1::ListTenantsResponse* response) override;
  grpc::Status UpdateTenant(grpc::ServerContext* context, const v1::UpdateTenantRequest* request,
                            v1::Tenant* response) override;
  grpc::Status SuspendTenant(grpc::ServerContext* context, const v1::SuspendTenantRequest* request,
                             v1::Tenant* response) override;
  grpc::Status ResumeTenant(grpc::ServerContext* context, const v1::ResumeTenantRequest* request,
                            v1::Tenant* response) override;
  grpc::Status DeleteTenant(grpc::ServerContext* context, const v1::DeleteTenantRequest* request,
                            v1::Tenant* response) override;
  grpc::Status SetStoragePolicy(grpc::ServerContext* context,
                                const v1::SetStoragePolicyRequest* request,
                                v1::Tenant* response) override;
  grpc::Status SetPrefixQuota(grpc::ServerContext* context,
                              const v1::SetPrefixQuotaRequest* request,
                              v1::Tenant* response) override;
  grpc::Status CreateKey(grpc::ServerContext* context, const v1::CreateKeyRequest* request,
                         v1::CreateKeyResponse* response) override;
  grpc::Status ListKeys(grpc::ServerContext* context, const v1::ListKeysRequest* request,
                        v1::ListKeysResponse* response) override;
  grpc::Status RevokeKey(grpc::ServerContext* context, const v1::RevokeKeyRequest* request,
                         v1::Key* response) override;

 private:
  tenancy::Registry& registry_;
};

}  // namespace plumbago::tenant_controller

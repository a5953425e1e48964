// The calls of plumbago.v1.StoreAdmin about storage policy and quotas: ExplainSchema, ListDrift,
// ListQuotas and the job ConvertSeries. StoreAdminService hands them on. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include "index/series_index.h"
#include "plumbago/v1/store_admin.grpc.pb.h"
#include "store/convert_job.h"
#include "store/quotas.h"
#include "store/series_converter.h"

namespace plumbago::store_service {

class PolicyRpc {
 public:
  // All must outlive this.
  PolicyRpc(base::Clock& clock, const index::SeriesIndex& index, store::SeriesConverter& converter,
            const store::Quotas& quotas)
      : clock_(clock), index_(index), converter_(converter), quotas_(quotas) {}

  grpc::Status ExplainSchema(const v1::ExplainSchemaRequest& request,
                             v1::ExplainSchemaResponse* response) const;
  // A series whose file cannot be read is told with its error; one that is gone meanwhile is not.
  grpc::Status ListDrift(const grpc::ServerContext& context, const v1::ListDriftRequest& request,
                         grpc::ServerWriter<v1::DriftedSeries>* writer) const;
  grpc::Status ListQuotas(const v1::ListQuotasRequest& request,
                          v1::ListQuotasResponse* response) const;
  // `request` is of kind convert_series.
  absl::StatusOr<store::JobRunner::Planned> PlanConvert(const v1::StartJobRequest& request) const;

 private:
  base::Clock& clock_;
  const index::SeriesIndex& index_;
  store::SeriesConverter& converter_;
  const store::Quotas& quotas_;
};

}  // namespace plumbago::store_service

// What becomes of one metric, for people: `plumbagoctl relay explain`.
//
// Asks the same learner that decides about points, and changes nothing. On the router's thread.
#pragma once

#include "absl/status/statusor.h"
#include "plumbago/v1/relay_admin.pb.h"
#include "relay/point_router.h"
#include "relay/tenant_limiter.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct ExplainContext {
  const topology::Snapshot* snapshot = nullptr;  // null: none yet
  std::string default_tenant = {};
  TenantRates default_rates = {};
  uint64_t default_name_bytes_max = metric::kMetricBytesMax;
  uint64_t default_connections_max = 0;
};

// InvalidArgument: not a valid name. NotFound: no such tenant. Unavailable: no slot map yet.
absl::StatusOr<v1::ExplainResponse> Explain(const PointRouter& router,
                                            const ExplainContext& context,
                                            const v1::ExplainRequest& request);

}  // namespace plumbago::relay

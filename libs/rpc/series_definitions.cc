#include "rpc/series_definitions.h"

#include <string>

namespace plumbago::rpc {

void AppendDefinition(uint32_t id, absl::string_view tenant, absl::string_view metric,
                      v1::SeriesDefinitions* definitions) {
  if (definitions->tenant().empty() ||
      definitions->tenant(definitions->tenant_size() - 1) != tenant) {
    definitions->add_tenant(std::string(tenant));
  }
  definitions->add_tenant_index(static_cast<uint32_t>(definitions->tenant_size() - 1));
  definitions->add_id(id);
  definitions->add_metric_bytes(static_cast<uint32_t>(metric.size()));
  definitions->mutable_metrics()->append(metric.data(), metric.size());
}

}  // namespace plumbago::rpc

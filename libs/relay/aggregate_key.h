// An output of aggregation as the process-wide aggregator knows it: outputs of two tenants never
// meet.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace plumbago::relay {

struct TenantMetric {
  absl::string_view tenant;
  absl::string_view metric;
};

// Neither part holds a zero byte.
inline std::string AggregateKey(absl::string_view tenant, absl::string_view metric) {
  return absl::StrCat(tenant, absl::string_view("\0", 1), metric);
}

// The parts point into `key`.
inline TenantMetric SplitAggregateKey(absl::string_view key) {
  const size_t end = key.find('\0');
  return {key.substr(0, end), key.substr(end + 1)};
}

}  // namespace plumbago::relay

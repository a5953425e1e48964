// Keys and values of the index in the KeyValue: docs/formats/index.md.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/series_info.h"

namespace plumbago::index::internal {

inline constexpr absl::string_view kSeriesPrefix = "s";

// What all keys of a tenant's series begin with; the metric follows.
std::string TenantPrefix(absl::string_view tenant);

// InvalidArgument: empty tenant or metric, an empty node, a zero byte, more than kMetricBytesMax.
absl::Status ValidateSeries(absl::string_view tenant, absl::string_view metric);

struct SeriesRecord {
  absl::string_view tenant;
  absl::string_view metric;
  SeriesInfo info;
};

std::string EncodeInfo(const SeriesInfo& info);
// The views are into `key`. DataLoss, naming the record, where it is malformed.
absl::StatusOr<SeriesRecord> ParseRecord(absl::string_view key, absl::string_view value);

}  // namespace plumbago::index::internal

// Carbonlink: how graphite-web asks a carbon-cache for points that are not in the files yet.
//
// Frames (frame_cutter.h) with one pickled dict each, request and answer in turn; read by the same
// restricted decoder as pickled points. Answers are pickles of protocol 2, as carbon gives them.
//
// Source: carbon/protocols.py, CacheManagementHandler; graphite/carbonlink.py.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace plumbago::protocols {

// In one cache-query-bulk.
inline constexpr size_t kCarbonlinkMetricsMax = 10'000;

struct CarbonlinkRequest {
  enum class Type { kQuery, kBulkQuery, kGetMetadata, kSetMetadata, kUnknown };
  Type type = Type::kUnknown;
  std::string type_text;             // as it came
  std::vector<std::string> metrics;  // one, unless it is a bulk query
  std::string key;                   // of metadata: aggregationMethod
  std::string value;                 // of kSetMetadata
};

// InvalidArgument: not a pickle of a dict with what its type needs, or a pickle that refers to a
// class or function; carbon closes the connection then. ResourceExhausted: too many metrics.
absl::StatusOr<CarbonlinkRequest> ParseCarbonlinkRequest(absl::string_view payload);

struct CarbonlinkPoint {
  uint32_t time_seconds = 0;
  double value = 0;
};

// Writes answers. Each gives a whole frame, length included.
std::string CarbonlinkDatapoints(absl::Span<const CarbonlinkPoint> points);
std::string CarbonlinkValue(absl::string_view value);
std::string CarbonlinkChange(absl::string_view old_value, absl::string_view new_value);
std::string CarbonlinkError(absl::string_view text);

// {'datapointsByMetric': {metric: [(time, value), ...], ...}}
class CarbonlinkBulkAnswer {
 public:
  CarbonlinkBulkAnswer();
  void Add(absl::string_view metric, absl::Span<const CarbonlinkPoint> points);
  size_t byte_count() const { return frame_.size(); }
  std::string Finish();

 private:
  std::string frame_;
};

}  // namespace plumbago::protocols

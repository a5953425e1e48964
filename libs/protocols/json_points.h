// The JSON body of an HTTP request with points, and of OpenTSDB's /api/put.
//
//   {"metric": "disk.used", "value": 12.5, "timestamp": 1700000000, "tags": {"dc": "x"}}
//
// One such object, or an array of them. `value` and `timestamp` are numbers or numeric strings; a
// timestamp above 2^32-1 is in milliseconds, -1 means now. `tags` may be left out; its values are
// strings, numbers or bools and become Graphite tags (tagged_name.h), behind those that the metric
// has already. Other fields are passed over. Streams: memory is that of one object. Thread-safe,
// pure.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

// Of objects and arrays in each other. A point needs three.
inline constexpr size_t kJsonDepthMax = 8;

// Not OK where the body is not JSON, is nested too deep or is neither object nor array; the points
// before the fault have been handed on. A position is that of the object in the array.
absl::Status DecodeJsonPoints(absl::string_view body, uint32_t now_seconds, PointSink& sink);

}  // namespace plumbago::protocols

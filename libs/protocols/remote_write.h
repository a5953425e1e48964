// Prometheus remote write 1.0: a WriteRequest (proto/foreign/prometheus.proto) in snappy's block
// format.
//
// The label `__name__` becomes the metric, every other one a tag, by the rule of tagged_name.h.
// Milliseconds are cut to seconds. Stale markers (a certain NaN) and native histograms are counted,
// not stored. Exemplars and metadata are skipped: they are not points.
//
// Memory: the uncompressed request, whose size is checked before it is inflated, and one time
// series of at most 1 MiB. Thread-safe, pure.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

inline constexpr size_t kRemoteWriteBytesMaxDefault = size_t{32} << 20;

// `body` is what the HTTP request carries. Not OK where it is malformed or over a bound; the series
// before the fault have been handed on, so that the answer has to be 400, which Prometheus does not
// send again. A point's position is that of its series in the request.
absl::Status DecodeRemoteWrite(absl::string_view body, size_t uncompressed_bytes_max,
                               PointSink& sink);

// The request itself, not compressed.
absl::Status DecodeWriteRequest(absl::string_view request, PointSink& sink);

// Inflates snappy's block format. ResourceExhausted over the bound, InvalidArgument where it is
// broken. No memory is taken on the word of the input alone.
absl::StatusOr<std::string> InflateSnappyBlock(absl::string_view compressed,
                                               size_t uncompressed_bytes_max);

}  // namespace plumbago::protocols

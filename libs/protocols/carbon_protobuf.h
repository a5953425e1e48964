// Carbon's protobuf batches (proto/foreign/carbon.proto), in frames as pickles are
// (frame_cutter.h).
//
// Memory: one metric with its points at a time, each at most 1 MiB on the wire. Thread-safe, pure.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

inline constexpr size_t kProtobufBytesMax = size_t{64} << 20;

// Decodes one payload. Not OK where it is malformed or over a bound (kProtobufBytesMax, 1 MiB for
// one metric); the metrics before the fault have been handed on. A point's position is that of its
// metric.
absl::Status DecodeCarbonProtobuf(absl::string_view payload, PointSink& sink);

}  // namespace plumbago::protocols

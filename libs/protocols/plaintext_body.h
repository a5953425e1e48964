// The plaintext body of an HTTP request: carbon's lines.
//
// Thread-safe, pure; nothing is copied.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

// `metric value timestamp` lines as metric/line_parser.h takes them, the last one with or without
// its newline. Empty lines are passed over. A position is the number of the line.
void DecodePlaintextBody(absl::string_view body, uint32_t now_seconds, PointSink& sink);

}  // namespace plumbago::protocols

// What every decoder of this library produces: points, and refusals with a reason.
//
// A decoder is a pure function from bytes to calls of a PointSink: no sockets, no files, no clock.
// It hands names on as they came (the relay checks and canonicalises them, metric/metric_name.h),
// except where the protocol has labels or namespaces (tagged_name.h, statsd_aggregator.h). What it
// does not hand on it reports once, so that nothing is dropped without being counted.
//
// A message whose structure is broken is refused as a whole: one OnRefused, and a status that says
// what is wrong. Decoders that must read a message to its end before they understand it (pickle)
// then hand on nothing; those that stream (protobuf, remote write, JSON) have handed on what came
// before.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "metric/line_parser.h"

namespace plumbago::protocols {

// The words are label values of metrics: never change one.
enum class RefusalReason : uint8_t {
  kNone,
  kFieldCount,          // a line does not have the fields that its protocol needs
  kBadValue,            // not a number, or NaN
  kBadTimestamp,        // not a number
  kTimeOutOfRange,      // not within 1 .. 2^32-1 seconds
  kLineTooLong,         // over metric::kLineBytesMax
  kNameTooLong,         // over metric::kMetricBytesMax, labels included
  kNoName,              // the name is empty or missing
  kBadShape,            // an element is not of the form that the protocol defines
  kMalformed,           // the bytes are not of the format at all
  kTooDeep,             // nested deeper than any sender needs
  kTooLarge,            // over a bound on size
  kPickleClass,         // a pickle that refers to a class or function
  kInvalidTag,          // not key=value
  kLabelConflict,       // two labels would become the same tag
  kStaleMarker,         // Prometheus says that the series has ended
  kNativeHistogram,     // Graphite has no such value
  kUnknownType,         // a StatsD type that is not c, g, ms, h, d or s
  kBadSampleRate,       // a StatsD sample rate that is not a positive number
  kTooManyKeys,         // a bound of the StatsD aggregator
  kTooManyTimerValues,  // a bound of the StatsD aggregator
  kTooManySetMembers,   // a bound of the StatsD aggregator
  kUnknownCommand,      // a telnet line that is not `put`
  kReasonCount
};
inline constexpr size_t kRefusalReasonCount = static_cast<size_t>(RefusalReason::kReasonCount);

// A stable word for metrics and answers, such as "bad_value".
const char* RefusalReasonWord(RefusalReason reason);

// kNone for kNone.
RefusalReason ReasonOf(metric::LineFault fault);

struct Point {
  absl::string_view metric;  // valid during the call only
  double value = 0;          // never NaN
  uint32_t time_seconds = 0;
  uint64_t position = 0;  // the line or element it came from, counted from 1
};

struct Refusal {
  RefusalReason reason = RefusalReason::kNone;
  uint64_t position = 0;      // as in Point; 0 where the whole message is meant
  absl::string_view excerpt;  // of the input, raw and maybe long: for base::Excerpt
};

class PointSink {
 public:
  virtual ~PointSink() = default;
  virtual void OnPoint(const Point& point) = 0;
  virtual void OnRefused(const Refusal& refusal) = 0;
};

// Refuses a whole message: tells `sink`, and returns InvalidArgument (ResourceExhausted for
// kTooLarge and kTooDeep) with the reason's word and `what`.
absl::Status RefuseMessage(RefusalReason reason, absl::string_view excerpt, absl::string_view what,
                           PointSink& sink);

}  // namespace plumbago::protocols

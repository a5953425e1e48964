#include "protocols/plaintext_body.h"

#include "metric/line_parser.h"

namespace plumbago::protocols {
namespace {

RefusalReason DecodeLine(absl::string_view line, uint32_t now_seconds, Point* point) {
  if (line.size() > metric::kLineBytesMax) return RefusalReason::kLineTooLong;
  metric::ParsedLine parsed;
  const metric::LineFault fault = metric::ParseLine(line, now_seconds, &parsed);
  if (fault != metric::LineFault::kNone) return ReasonOf(fault);
  point->metric = parsed.metric;
  point->value = parsed.value;
  point->time_seconds = parsed.time_seconds;
  return RefusalReason::kNone;
}

}  // namespace

void DecodePlaintextBody(absl::string_view body, uint32_t now_seconds, PointSink& sink) {
  for (uint64_t position = 1; !body.empty(); ++position) {
    const size_t newline = body.find('\n');
    const absl::string_view line = body.substr(0, newline);
    body.remove_prefix(newline == absl::string_view::npos ? body.size() : newline + 1);
    if (line.empty() || line == "\r") continue;
    Point point;
    point.position = position;
    const RefusalReason fault = DecodeLine(line, now_seconds, &point);
    if (fault == RefusalReason::kNone) {
      sink.OnPoint(point);
    } else {
      sink.OnRefused({fault, position, line});
    }
  }
}

}  // namespace plumbago::protocols

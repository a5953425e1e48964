#include "protocols/telnet_line.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "metric/line_parser.h"
#include "protocols/tagged_name.h"
#include "protocols/timestamp.h"

namespace plumbago::protocols {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// The next field of `*rest`, cut off it; empty at the end.
absl::string_view CutField(absl::string_view* rest) {
  while (!rest->empty() && IsBlank(rest->front())) rest->remove_prefix(1);
  size_t size = 0;
  while (size < rest->size() && !IsBlank((*rest)[size])) ++size;
  const absl::string_view field = rest->substr(0, size);
  rest->remove_prefix(size);
  return field;
}

// The tags of a put line.
RefusalReason AddTags(absl::string_view rest, TaggedName* name) {
  while (true) {
    const absl::string_view tag = CutField(&rest);
    if (tag.empty()) return name->fault();
    const size_t equals = tag.find('=');
    if (equals == absl::string_view::npos || equals == 0 || equals + 1 == tag.size()) {
      return RefusalReason::kInvalidTag;
    }
    name->AddTag(tag.substr(0, equals), tag.substr(equals + 1));
  }
}

RefusalReason DecodePut(absl::string_view rest, bool is_millis, uint32_t now_seconds,
                        TaggedName* name, Point* point) {
  const absl::string_view metric = CutField(&rest);
  const absl::string_view time = CutField(&rest);
  const absl::string_view value = CutField(&rest);
  if (value.empty()) return RefusalReason::kFieldCount;
  double timestamp = 0;
  if (!metric::ParseDouble(time, &timestamp)) return RefusalReason::kBadTimestamp;
  if (!metric::ParseDouble(value, &point->value) || std::isnan(point->value)) {
    return RefusalReason::kBadValue;
  }
  const RefusalReason fault =
      is_millis ? TimeFromMillis(timestamp, &point->time_seconds)
                : TimeFromSecondsOrMillis(timestamp, now_seconds, &point->time_seconds);
  if (fault != RefusalReason::kNone) return fault;
  name->Begin(metric);
  return AddTags(rest, name);
}

}  // namespace

TelnetRequest DecodeTelnetLine(absl::string_view line, uint32_t now_seconds, uint64_t position,
                               PointSink& sink) {
  const auto refuse = [&](RefusalReason reason) {
    sink.OnRefused({reason, position, line});
    return TelnetRequest::kRefused;
  };
  if (line.size() > metric::kLineBytesMax) return refuse(RefusalReason::kLineTooLong);
  absl::string_view rest = absl::StripTrailingAsciiWhitespace(line);
  const absl::string_view command = CutField(&rest);
  if (command.empty()) return TelnetRequest::kEmpty;
  if (command == "version") return TelnetRequest::kVersion;
  if (command == "exit") return TelnetRequest::kExit;
  if (command != "put" && command != "putm") return refuse(RefusalReason::kUnknownCommand);
  TaggedName name;
  Point point;
  const RefusalReason fault = DecodePut(rest, command == "putm", now_seconds, &name, &point);
  if (fault != RefusalReason::kNone) return refuse(fault);
  point.metric = name.text();
  point.position = position;
  sink.OnPoint(point);
  return TelnetRequest::kPut;
}

}  // namespace plumbago::protocols

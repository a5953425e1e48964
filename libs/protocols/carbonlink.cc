#include "protocols/carbonlink.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "protocols/internal/pickle_machine.h"

namespace plumbago::protocols {
namespace {

using internal::PickleKind;
using internal::PickleMachine;
using internal::PickleValues;
using Id = PickleValues::Id;

constexpr size_t kFrameHeaderBytes = 4;

absl::Status NoRequest(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not a carbonlink request: ", what));
}

// The value of a key of a dict whose keys and values are kept in turn; kNoId where it has none. The
// last one wins.
Id Lookup(const PickleValues& values, Id dict, absl::string_view key) {
  Id found = PickleValues::kNoId;
  for (uint32_t cell = values.FirstCell(dict); cell != PickleValues::kNoId;) {
    const PickleValues::Cell name = values.CellAt(cell);
    const PickleValues::Cell value = values.CellAt(name.next);
    const bool is_text = values.KindOf(name.value) == PickleKind::kString;
    if (is_text && values.TextOf(name.value) == key) found = value.value;
    cell = value.next;
  }
  return found;
}

absl::StatusOr<std::string> TextOf(const PickleValues& values, Id dict, absl::string_view key) {
  const Id id = Lookup(values, dict, key);
  if (id != PickleValues::kNoId && values.KindOf(id) == PickleKind::kString) {
    return std::string(values.TextOf(id));
  }
  return NoRequest(absl::StrCat("'", key, "' is missing or no text"));
}

absl::Status ReadMetrics(const PickleValues& values, Id dict, std::vector<std::string>* metrics) {
  const Id list = Lookup(values, dict, "metrics");
  const bool is_list = list != PickleValues::kNoId &&
                       (values.IsSequence(list) || values.KindOf(list) == PickleKind::kSet);
  if (!is_list) return NoRequest("'metrics' is missing or no list");
  if (values.SizeOf(list) > kCarbonlinkMetricsMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        values.SizeOf(list), " metrics in one query; at most ", kCarbonlinkMetricsMax));
  }
  for (uint32_t cell = values.FirstCell(list); cell != PickleValues::kNoId;
       cell = values.CellAt(cell).next) {
    const Id metric = values.CellAt(cell).value;
    if (values.KindOf(metric) != PickleKind::kString) return NoRequest("a metric is no text");
    metrics->emplace_back(values.TextOf(metric));
  }
  return absl::OkStatus();
}

CarbonlinkRequest::Type TypeOf(absl::string_view text) {
  using Type = CarbonlinkRequest::Type;
  if (text == "cache-query") return Type::kQuery;
  if (text == "cache-query-bulk") return Type::kBulkQuery;
  if (text == "get-metadata") return Type::kGetMetadata;
  if (text == "set-metadata") return Type::kSetMetadata;
  return Type::kUnknown;
}

absl::Status ReadFields(const PickleValues& values, Id dict, CarbonlinkRequest* request) {
  using Type = CarbonlinkRequest::Type;
  if (request->type == Type::kUnknown) return absl::OkStatus();
  if (request->type == Type::kBulkQuery) return ReadMetrics(values, dict, &request->metrics);
  PLUMBAGO_ASSIGN_OR_RETURN(std::string metric, TextOf(values, dict, "metric"));
  request->metrics.push_back(std::move(metric));
  if (request->type == Type::kQuery) return absl::OkStatus();
  PLUMBAGO_ASSIGN_OR_RETURN(request->key, TextOf(values, dict, "key"));
  if (request->type == Type::kGetMetadata) return absl::OkStatus();
  PLUMBAGO_ASSIGN_OR_RETURN(request->value, TextOf(values, dict, "value"));
  return absl::OkStatus();
}

// ---- answers ----

void AppendLittleEndian(uint32_t value, std::string& frame) {
  for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(value >> shift));
}

void AppendText(absl::string_view text, std::string& frame) {
  frame.push_back('X');  // BINUNICODE
  AppendLittleEndian(static_cast<uint32_t>(text.size()), frame);
  frame.append(text.data(), text.size());
}

void AppendPoint(const CarbonlinkPoint& point, std::string& frame) {
  if (point.time_seconds <= INT32_MAX) {
    frame.push_back('J');  // BININT
    AppendLittleEndian(point.time_seconds, frame);
  } else {
    frame.append("\x8a\x05");  // LONG1 of five bytes: the sign needs one more
    AppendLittleEndian(point.time_seconds, frame);
    frame.push_back('\0');
  }
  frame.push_back('G');  // BINFLOAT, the most significant byte first
  const auto bits = std::bit_cast<uint64_t>(point.value);
  for (int shift = 56; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(bits >> shift));
  frame.push_back('\x86');  // TUPLE2
}

void AppendPoints(absl::Span<const CarbonlinkPoint> points, std::string& frame) {
  frame.push_back(']');
  if (points.empty()) return;
  frame.push_back('(');
  for (const CarbonlinkPoint& point : points) AppendPoint(point, frame);
  frame.push_back('e');
}

// A dict is open.
std::string Begin() {
  std::string frame(kFrameHeaderBytes, '\0');
  frame.append("\x80\x02}");
  return frame;
}

std::string Seal(std::string frame) {
  frame.push_back('.');
  const auto size = static_cast<uint32_t>(frame.size() - kFrameHeaderBytes);
  for (int i = 0; i < 4; ++i)
    frame[static_cast<size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
  return frame;
}

std::string OneText(absl::string_view key, absl::string_view value) {
  std::string frame = Begin();
  AppendText(key, frame);
  AppendText(value, frame);
  frame.push_back('s');
  return Seal(std::move(frame));
}

}  // namespace

absl::StatusOr<CarbonlinkRequest> ParseCarbonlinkRequest(absl::string_view payload) {
  PickleMachine machine(payload, PickleMachine::Dicts::kKept);
  if (!machine.Run()) return NoRequest(machine.what());
  const PickleValues& values = machine.values();
  const Id dict = machine.result();
  if (values.KindOf(dict) != PickleKind::kDict) return NoRequest("the pickle is no dict");
  CarbonlinkRequest request;
  PLUMBAGO_ASSIGN_OR_RETURN(request.type_text, TextOf(values, dict, "type"));
  request.type = TypeOf(request.type_text);
  PLUMBAGO_RETURN_IF_ERROR(ReadFields(values, dict, &request));
  return request;
}

std::string CarbonlinkDatapoints(absl::Span<const CarbonlinkPoint> points) {
  std::string frame = Begin();
  AppendText("datapoints", frame);
  AppendPoints(points, frame);
  frame.push_back('s');
  return Seal(std::move(frame));
}

std::string CarbonlinkValue(absl::string_view value) { return OneText("value", value); }

std::string CarbonlinkChange(absl::string_view old_value, absl::string_view new_value) {
  std::string frame = Begin();
  AppendText("old_value", frame);
  AppendText(old_value, frame);
  frame.push_back('s');
  AppendText("new_value", frame);
  AppendText(new_value, frame);
  frame.push_back('s');
  return Seal(std::move(frame));
}

std::string CarbonlinkError(absl::string_view text) { return OneText("error", text); }

CarbonlinkBulkAnswer::CarbonlinkBulkAnswer() : frame_(Begin()) {
  AppendText("datapointsByMetric", frame_);
  frame_.push_back('}');
}

void CarbonlinkBulkAnswer::Add(absl::string_view metric, absl::Span<const CarbonlinkPoint> points) {
  AppendText(metric, frame_);
  AppendPoints(points, frame_);
  frame_.push_back('s');
}

std::string CarbonlinkBulkAnswer::Finish() {
  frame_.push_back('s');
  return Seal(std::move(frame_));
}

}  // namespace plumbago::protocols

#include "metric/metric_name.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace plumbago::metric {
namespace {

// The length of the UTF-8 sequence that starts with `lead` (0x80 or above), or 0.
size_t SequenceBytes(uint8_t lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

// Refuses overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629).
bool IsValidSecondByte(uint8_t lead, uint8_t second) {
  if (lead == 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (lead == 0xed) return second >= 0x80 && second <= 0x9f;
  if (lead == 0xf0) return second >= 0x90 && second <= 0xbf;
  if (lead == 0xf4) return second >= 0x80 && second <= 0x8f;
  return second >= 0x80 && second <= 0xbf;
}

bool IsUtf8(absl::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    if (bytes[i] < 0x80) {
      ++i;
      continue;
    }
    const size_t length = SequenceBytes(bytes[i]);
    if (length == 0 || i + length > text.size()) return false;
    if (!IsValidSecondByte(bytes[i], bytes[i + 1])) return false;
    for (size_t k = 2; k < length; ++k) {
      if ((bytes[i + k] & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

NameFault CheckBytes(absl::string_view text) {
  bool is_ascii = true;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) return NameFault::kControlByte;
    if (byte >= 0x80) is_ascii = false;
  }
  return is_ascii || IsUtf8(text) ? NameFault::kNone : NameFault::kInvalidUtf8;
}

NameFault CheckNodes(absl::string_view name) {
  size_t node_begin = 0;
  for (size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] == '/') return NameFault::kSlash;
    if (i < name.size() && name[i] != '.') continue;
    if (i == node_begin) return NameFault::kEmptyNode;
    if (i - node_begin > kNodeBytesMax) return NameFault::kTooLong;
    node_begin = i + 1;
  }
  return NameFault::kNone;
}

// Rules of carbon's TaggedSeries: key without ; ! ^ =, value not empty and not starting with ~.
bool IsValidTag(absl::string_view key, absl::string_view value) {
  return !key.empty() && key.find_first_of("!^") == absl::string_view::npos && !value.empty() &&
         value.front() != '~';
}

}  // namespace

const char* NameFaultWord(NameFault fault) {
  switch (fault) {
    case NameFault::kNone:
      return "none";
    case NameFault::kEmpty:
      return "empty_name";
    case NameFault::kTooLong:
      return "name_too_long";
    case NameFault::kEmptyNode:
      return "empty_node";
    case NameFault::kSlash:
      return "slash_in_name";
    case NameFault::kControlByte:
      return "control_byte";
    case NameFault::kInvalidUtf8:
      return "invalid_utf8";
    case NameFault::kInvalidTag:
      return "invalid_tag";
  }
  return "unknown";
}

NameFault CheckDottedName(absl::string_view name) {
  if (name.empty()) return NameFault::kEmpty;
  if (name.size() > kMetricBytesMax) return NameFault::kTooLong;
  const NameFault fault = CheckBytes(name);
  return fault == NameFault::kNone ? CheckNodes(name) : fault;
}

NameFault Canonicalise(absl::string_view metric, std::string* canonical) {
  const size_t semicolon = metric.find(';');
  if (semicolon == absl::string_view::npos) {
    const NameFault fault = CheckDottedName(metric);
    if (fault == NameFault::kNone) canonical->assign(metric.data(), metric.size());
    return fault;
  }
  const absl::string_view name = metric.substr(0, semicolon);
  if (const NameFault fault = CheckDottedName(name); fault != NameFault::kNone) return fault;
  if (metric.size() > kMetricBytesMax) return NameFault::kTooLong;
  if (const NameFault fault = CheckBytes(metric); fault != NameFault::kNone) return fault;

  // Sorting by key alone would differ: carbon sorts "key=value" as one string.
  std::map<std::string, std::string> pairs;
  for (const absl::string_view tag : absl::StrSplit(metric.substr(semicolon + 1), ';')) {
    const size_t equals = tag.find('=');
    if (equals == absl::string_view::npos) return NameFault::kInvalidTag;
    const absl::string_view key = tag.substr(0, equals);
    const absl::string_view value = tag.substr(equals + 1);
    if (!IsValidTag(key, value)) return NameFault::kInvalidTag;
    if (key != "name") pairs[std::string(key)] = std::string(value);
  }
  std::vector<std::string> tags;
  for (const auto& [key, value] : pairs) tags.push_back(absl::StrCat(key, "=", value));
  std::sort(tags.begin(), tags.end());
  canonical->assign(name.data(), name.size());
  for (const std::string& tag : tags) absl::StrAppend(canonical, ";", tag);
  return NameFault::kNone;
}

}  // namespace plumbago::metric

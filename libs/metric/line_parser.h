// Carbon's plaintext line: `metric value timestamp`, fields separated by blanks or tabs.
//
// The parser only cuts and converts; it does not check the name, because a known name needs no
// check (metric_name.h does it for a new one). Nothing is copied: ParsedLine points into the line.
// Thread-safe, never throws. Accepted beyond the letter: "\r" at the end, several blanks.
// Stricter than carbon, on purpose: no `1_000`, no non-ASCII digits, no NaN, no infinite time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::metric {

// Of one line, without its newline.
inline constexpr size_t kLineBytesMax = 8192;

enum class LineFault {
  kNone,
  kFieldCount,     // not exactly three fields
  kBadValue,       // not a number, or NaN
  kBadTimestamp,   // not a number
  kTimeOutOfRange  // not within 1 .. 2^32-1 seconds
};

// A stable word for metrics and logs, such as "field_count".
const char* LineFaultWord(LineFault fault);

struct ParsedLine {
  absl::string_view metric;
  double value = 0;
  uint32_t time_seconds = 0;  // fractions are cut; -1 means `now_seconds`, as in carbon
};

// `line` has no newline and at most kLineBytesMax bytes. On a fault `parsed` is unspecified.
LineFault ParseLine(absl::string_view line, uint32_t now_seconds, ParsedLine* parsed);

// A decimal number as carbon's clients send it: [+-]digits[.digits][e[+-]digits], inf, nan.
// The whole text has to match. Correctly rounded.
bool ParseDouble(absl::string_view text, double* value);

}  // namespace plumbago::metric

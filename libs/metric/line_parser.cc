#include "metric/line_parser.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace plumbago::metric {
namespace {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }
constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Powers of ten that a double holds exactly.
constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr uint64_t kExactMantissaMax = uint64_t{1} << 53;
constexpr int kMantissaDigitsMax = 18;

// [-]digits[.digits] with at most 18 digits whose value is one exact division away: an integer up
// to 2^53 and a power of ten up to 10^22 are both exact, and IEEE division rounds once (Clinger,
// "How to Read Floating Point Numbers Accurately", 1990). Returns false where that does not apply.
bool ParseShortDecimal(const char* begin, const char* end, double* value) {
  const bool is_negative = begin != end && *begin == '-';
  const char* p = begin + (is_negative ? 1 : 0);
  const char* const digits = p;
  uint64_t mantissa = 0;
  while (p != end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  int digit_count = static_cast<int>(p - digits);
  int fraction_count = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    while (p != end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
    fraction_count = static_cast<int>(p - fraction);
    digit_count += fraction_count;
  }
  if (p != end || digit_count == 0 || digit_count > kMantissaDigitsMax) return false;
  if (mantissa > kExactMantissaMax) return false;
  const double magnitude = static_cast<double>(mantissa) / kExactPowersOfTen[fraction_count];
  *value = is_negative ? -magnitude : magnitude;
  return true;
}

bool ParseTimestamp(absl::string_view text, double* seconds) {
  return ParseDouble(text, seconds) && !std::isnan(*seconds);
}

// Digits only, at most ten: what nearly every sender writes.
bool ParseShortInteger(absl::string_view text, uint64_t* value) {
  if (text.empty() || text.size() > 10) return false;
  uint64_t result = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    result = result * 10 + static_cast<uint64_t>(c - '0');
  }
  *value = result;
  return true;
}

LineFault ParseTime(absl::string_view text, uint32_t now_seconds, uint32_t* time_seconds) {
  constexpr uint32_t kMax = std::numeric_limits<uint32_t>::max();
  if (uint64_t integer = 0; ParseShortInteger(text, &integer)) {
    if (integer == 0 || integer > kMax) return LineFault::kTimeOutOfRange;
    *time_seconds = static_cast<uint32_t>(integer);
    return LineFault::kNone;
  }
  double seconds = 0;
  if (!ParseTimestamp(text, &seconds)) return LineFault::kBadTimestamp;
  if (std::trunc(seconds) == -1) {
    *time_seconds = now_seconds;
    return LineFault::kNone;
  }
  if (!(seconds >= 1 && seconds <= kMax)) return LineFault::kTimeOutOfRange;
  *time_seconds = static_cast<uint32_t>(seconds);
  return LineFault::kNone;
}

// The next field from `*position` on; empty at the end of the line.
absl::string_view NextField(absl::string_view line, size_t* position) {
  size_t begin = *position;
  while (begin < line.size() && IsBlank(line[begin])) ++begin;
  size_t end = begin;
  while (end < line.size() && !IsBlank(line[end])) ++end;
  *position = end;
  return line.substr(begin, end - begin);
}

}  // namespace

const char* LineFaultWord(LineFault fault) {
  switch (fault) {
    case LineFault::kNone:
      return "none";
    case LineFault::kFieldCount:
      return "field_count";
    case LineFault::kBadValue:
      return "bad_value";
    case LineFault::kBadTimestamp:
      return "bad_timestamp";
    case LineFault::kTimeOutOfRange:
      return "time_out_of_range";
  }
  return "unknown";
}

bool ParseDouble(absl::string_view text, double* value) {
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') {
    ++begin;
    if (begin != end && *begin == '-') return false;
  }
  if (begin == end) return false;
  if (ParseShortDecimal(begin, end, value)) return true;
  const std::from_chars_result result = std::from_chars(begin, end, *value);
  if (result.ptr != end) return false;
  if (result.ec == std::errc()) return true;
  if (result.ec != std::errc::result_out_of_range) return false;
  // from_chars leaves the value alone: too large is infinite and too small is zero, as in Python.
  *value = std::strtod(std::string(begin, end).c_str(), nullptr);
  return true;
}

LineFault ParseLine(absl::string_view line, uint32_t now_seconds, ParsedLine* parsed) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  size_t position = 0;
  parsed->metric = NextField(line, &position);
  const absl::string_view value = NextField(line, &position);
  const absl::string_view time = NextField(line, &position);
  if (time.empty() || !NextField(line, &position).empty()) return LineFault::kFieldCount;
  if (!ParseDouble(value, &parsed->value) || std::isnan(parsed->value)) return LineFault::kBadValue;
  return ParseTime(time, now_seconds, &parsed->time_seconds);
}

}  // namespace plumbago::metric

#include "metric/line_parser.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

// ---- the usual line: `name 1234.5 1700000000`
// ----------------------------------------------------
//
// One blank between fields, a value of at most eight characters, a time of ten digits. Digits are
// read eight at a time, as a word that ends where they end; that is why a usual line has bytes
// before its value.

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "words are read with their first byte lowest");

constexpr size_t kUsualTimeDigits = 10;
constexpr size_t kUsualValueBytesMax = 8;
constexpr size_t kUsualTailBytesMin = 1 + 1 + kUsualTimeDigits;  // value, blank, time
constexpr uint64_t EachByte(unsigned char c) { return uint64_t{0x0101010101010101} * c; }

uint64_t LoadWord(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

bool IsEightDigits(uint64_t word) {
  // The upper half of each byte is 3, and stays 3 when 6 is added.
  const uint64_t upper = word & EachByte(0xf0);
  const uint64_t upper_of_sum = (word + EachByte(0x06)) & EachByte(0xf0);
  return (upper | upper_of_sum >> 4) == EachByte(0x33);
}

// The number that eight digits write: pairs, then fours, then all of them.
uint64_t EightDigits(uint64_t word) {
  word -= EachByte('0');
  word = word * 10 + (word >> 8);
  return ((word & 0x000000ff000000ff) * (100 + (uint64_t{1'000'000} << 32)) +
          ((word >> 16) & 0x000000ff000000ff) * (1 + (uint64_t{10'000} << 32))) >>
         32;
}

// Index of the first blank or control character of `text`, or its size.
size_t FindBlank(absl::string_view text) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const __m128i above = _mm_subs_epu8(bytes, _mm_set1_epi8(' '));
    const int blanks = _mm_movemask_epi8(_mm_cmpeq_epi8(above, _mm_setzero_si128()));
    if (blanks != 0) return i + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(blanks)));
  }
#endif
  while (i < text.size() && static_cast<unsigned char>(text[i]) > ' ') ++i;
  return i;
}

// The highest bit of the first byte that is `c`, and perhaps of later ones; 0 where there is none.
uint64_t FindByte(uint64_t word, unsigned char c) {
  const uint64_t difference = word ^ EachByte(c);
  return (difference - EachByte(1)) & ~difference & EachByte(0x80);
}

uint64_t ClearBelow(uint64_t word, int bits) { return word >> bits << bits; }

// The value is the `size` characters up to `end`, 1 to 8 of them; eight bytes can be read there.
bool ParseUsualValue(const char* end, size_t size, double* value) {
  uint64_t word = LoadWord(end - 8);
  int begin_bits = static_cast<int>(8 * (8 - size));  // of the value within the word
  int fraction_count = 0;
  if (const uint64_t point = ClearBelow(FindByte(word, '.'), begin_bits); point != 0) {
    // Takes the point out: what is before it moves up by a byte.
    const int point_bits = __builtin_ctzll(point) & ~7;
    const uint64_t before = word & ((uint64_t{1} << point_bits) - 1);
    word = (word ^ before) & ~(uint64_t{0xff} << point_bits);
    word |= before << 8;
    begin_bits += 8;
    fraction_count = 7 - point_bits / 8;
    if (begin_bits == 64) return false;  // nothing but a point
  }
  const uint64_t zeros = EachByte('0') & ((uint64_t{1} << begin_bits) - 1);
  word = ClearBelow(word, begin_bits) | zeros;
  if (!IsEightDigits(word)) return false;
  *value = static_cast<double>(EightDigits(word)) / kExactPowersOfTen[fraction_count];
  return true;
}

bool ParseUsualTime(const char* digits, uint32_t* time_seconds) {
  const uint64_t first_eight = LoadWord(digits);
  if (!IsEightDigits(first_eight) || !IsDigit(digits[8]) || !IsDigit(digits[9])) return false;
  const uint64_t seconds = EightDigits(first_eight) * 100 +
                           static_cast<uint64_t>(digits[8] - '0') * 10 +
                           static_cast<uint64_t>(digits[9] - '0');
  if (seconds == 0 || seconds > std::numeric_limits<uint32_t>::max()) return false;
  *time_seconds = static_cast<uint32_t>(seconds);
  return true;
}

// False where the line is not a usual one; it may be right all the same.
bool ParseUsualLine(absl::string_view line, ParsedLine* parsed) {
  const size_t name_size = FindBlank(line);
  const size_t value_begin = name_size + 1;
  if (name_size == 0 || value_begin + kUsualTailBytesMin > line.size()) return false;
  const size_t value_end = line.size() - kUsualTimeDigits - 1;
  const size_t value_size = value_end - value_begin;
  if (line[name_size] != ' ' || line[value_end] != ' ') return false;
  if (value_size > kUsualValueBytesMax || value_end < sizeof(uint64_t)) return false;
  parsed->metric = line.substr(0, name_size);
  const char* const end = line.data() + value_end;
  return ParseUsualValue(end, value_size, &parsed->value) &&
         ParseUsualTime(end + 1, &parsed->time_seconds);
}

LineFault ParseAnyLine(absl::string_view line, uint32_t now_seconds, ParsedLine* parsed) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  size_t position = 0;
  parsed->metric = NextField(line, &position);
  const absl::string_view value = NextField(line, &position);
  const absl::string_view time = NextField(line, &position);
  if (time.empty() || !NextField(line, &position).empty()) return LineFault::kFieldCount;
  if (!ParseDouble(value, &parsed->value) || std::isnan(parsed->value)) return LineFault::kBadValue;
  return ParseTime(time, now_seconds, &parsed->time_seconds);
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
  if (ParseUsualLine(line, parsed)) return LineFault::kNone;
  return ParseAnyLine(line, now_seconds, parsed);
}

}  // namespace plumbago::metric

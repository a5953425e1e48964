#include "functions/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "functions/number_text.h"

namespace plumbago::functions {
namespace {

// Length of the UTF-8 sequence at `text[at]`, or 0 where there is none (overlong forms, surrogates
// and truncated sequences included).
size_t Utf8Length(absl::string_view text, size_t at) {
  const auto byte = [&](size_t offset) { return static_cast<unsigned char>(text[at + offset]); };
  const auto is_continuation = [&](size_t offset) {
    return at + offset < text.size() && (byte(offset) & 0xC0) == 0x80;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_continuation(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!is_continuation(1) || !is_continuation(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!is_continuation(1) || !is_continuation(2) || !is_continuation(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void AppendEscaped(char character, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (character) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[(static_cast<unsigned char>(character) >> 4) & 0xF];
      out += kHex[static_cast<unsigned char>(character) & 0xF];
  }
}

char* Copy(absl::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

constexpr std::array<char, 200> kTwoDigits = [] {
  std::array<char, 200> digits{};
  for (size_t i = 0; i < 100; ++i) {
    digits[2 * i] = static_cast<char>('0' + i / 10);
    digits[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return digits;
}();

char* WriteTwoDigits(uint32_t number, char* out) {
  std::memcpy(out, &kTwoDigits[2 * number], 2);
  return out + 2;
}

// Below 100 million, without leading zeroes.
char* WriteUpToEightDigits(uint32_t number, char* out) {
  if (number < 10) {
    *out = static_cast<char>('0' + number);
    return out + 1;
  }
  if (number < 100) return WriteTwoDigits(number, out);
  if (number < 10'000) {
    out = WriteUpToEightDigits(number / 100, out);
    return WriteTwoDigits(number % 100, out);
  }
  out = WriteUpToEightDigits(number / 10'000, out);
  out = WriteTwoDigits(number / 100 % 100, out);
  return WriteTwoDigits(number % 100, out);
}

// Measured values mostly have no more than three decimals, and are written here without the search
// for the shortest digits: null where `value` is another one. `thousandths` / 1000 is correctly
// rounded, as both are exact; where it gives `value`, its digits read back as `value`. They are at
// most 15, and two decimals of at most 15 digits never round to the same double: there are no
// shorter ones.
char* WriteFewDecimals(double value, char* out) {
  constexpr double kBelow = 1e12;
  if (!(std::fabs(value) < kBelow)) return nullptr;
  const auto scaled = static_cast<int64_t>(value * 1000 + (value < 0 ? -0.5 : 0.5));
  // Zero may be negative; the comparison fails for whatever is not few decimals.
  if (scaled == 0 || static_cast<double>(scaled) / 1000 != value) return nullptr;
  auto thousandths = static_cast<uint64_t>(std::abs(scaled));
  if (scaled < 0) *out++ = '-';
  const uint64_t whole = thousandths / 1000;
  out = whole < 100'000'000 ? WriteUpToEightDigits(static_cast<uint32_t>(whole), out)
                            : std::to_chars(out, out + kNumberBytesMax - 1, whole).ptr;
  thousandths %= 1000;
  *out++ = '.';
  *out++ = static_cast<char>('0' + thousandths / 100);
  if (thousandths % 100 == 0) return out;
  *out++ = static_cast<char>('0' + thousandths / 10 % 10);
  if (thousandths % 10 == 0) return out;
  *out++ = static_cast<char>('0' + thousandths % 10);
  return out;
}

}  // namespace

char* WritePythonFloat(double value, char* out) {
  if (!std::isfinite(value)) {
    return Copy(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf", out);
  }
  if (char* end = WriteFewDecimals(value, out); end != nullptr) return end;
  // Python uses the exponent form below 1e-4 and from 1e16 on.
  const double magnitude = std::fabs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  const auto format = is_scientific ? std::chars_format::scientific : std::chars_format::fixed;
  char* const end = std::to_chars(out, out + kNumberBytesMax, value, format).ptr;
  const bool has_point = std::memchr(out, '.', static_cast<size_t>(end - out)) != nullptr;
  return is_scientific || has_point ? end : Copy(".0", end);
}

char* WriteInteger(int64_t value, char* out) {
  return std::to_chars(out, out + kNumberBytesMax, value).ptr;
}

char* TimeWriter::Write(int64_t seconds, char* out) {
  constexpr int64_t kBack = 10'000;
  if (seconds < kBack) return WriteInteger(seconds, out);
  if (seconds / kBack != front_) {
    front_ = seconds / kBack;
    front_bytes_ = static_cast<size_t>(WriteInteger(front_, front_text_) - front_text_);
  }
  std::memcpy(out, front_text_, sizeof(front_text_) / 2);  // a copy of fixed length is one move
  out += front_bytes_;
  const auto back = static_cast<uint32_t>(seconds % kBack);
  out = WriteTwoDigits(back / 100, out);
  return WriteTwoDigits(back % 100, out);
}

void AppendPythonFloat(double value, std::string& out) {
  char buffer[kNumberBytesMax];
  out.append(buffer, static_cast<size_t>(WritePythonFloat(value, buffer) - buffer));
}

std::string PythonFloat(double value) {
  std::string text;
  AppendPythonFloat(value, text);
  return text;
}

void AppendInteger(int64_t value, std::string& out) {
  char buffer[kNumberBytesMax];
  out.append(buffer, static_cast<size_t>(WriteInteger(value, buffer) - buffer));
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out += '"';
  size_t clean_from = 0;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80 ? 1 : Utf8Length(text, i);
    const bool is_plain = byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F;
    if (length > 0 && is_plain) {
      i += length;
      continue;
    }
    out.append(text.data() + clean_from, i - clean_from);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else {
      AppendEscaped(text[i], out);
    }
    clean_from = ++i;
  }
  out.append(text.data() + clean_from, text.size() - clean_from);
  out += '"';
}

std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : Utf8Length(text, i);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      ++i;
    } else {
      valid.append(text.data() + i, length);
      i += length;
    }
  }
  return valid;
}

double RoundToMicros(double value) {
  if (!std::isfinite(value)) return value;
  const double micros = value * 1e6;
  // To the nearest integer, as this sum has no bits for fractions; std::nearbyint is a call.
  constexpr double kNoFraction = 6755399441055744.0;  // 1.5 * 2^52
  const double rounded = std::copysign((micros + kNoFraction) - kNoFraction, micros);
  // Far from a tie and exact as an integer: one correctly rounded division gives the result.
  if (std::fabs(micros) < 1e13 && std::fabs(std::fabs(micros - rounded) - 0.5) > 1e-2) {
    return rounded / 1e6;
  }
  char buffer[400];
  const auto text =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed, 6);
  double result = value;
  std::from_chars(buffer, text.ptr, result);
  return result;
}

}  // namespace plumbago::functions

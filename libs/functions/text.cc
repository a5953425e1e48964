#include "functions/text.h"

#include <charconv>
#include <cmath>
#include <cstring>

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

}  // namespace

void AppendPythonFloat(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "inf" : "-inf";
    return;
  }
  // Python uses the exponent form below 1e-4 and from 1e16 on.
  const double magnitude = std::fabs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  char buffer[64];
  const auto format = is_scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value, format);
  const absl::string_view digits(buffer, static_cast<size_t>(result.ptr - buffer));
  out.append(digits.data(), digits.size());
  if (!is_scientific && digits.find('.') == absl::string_view::npos) out += ".0";
}

std::string PythonFloat(double value) {
  std::string text;
  AppendPythonFloat(value, text);
  return text;
}

void AppendInteger(int64_t value, std::string& out) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, static_cast<size_t>(result.ptr - buffer));
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
  const double rounded = std::nearbyint(micros);
  // Far from a tie and exact as an integer: one correctly rounded division gives the result.
  if (std::fabs(rounded) < 1e13 && std::fabs(std::fabs(micros - rounded) - 0.5) > 1e-2) {
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

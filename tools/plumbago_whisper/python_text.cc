#include "python_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace plumbago::whisper_tool {
namespace {

// Python's bounds: below and above them it writes an exponent.
constexpr int kFixedExponentMin = -4;
constexpr int kFixedExponentMax = 15;

// The shortest digits d[.ddd] of a finite number, and the decimal exponent of the first one.
struct Digits {
  bool is_negative = false;
  std::string digits;
  int exponent = 0;
};

Digits ShortestDigits(double value) {
  std::array<char, 32> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                     std::chars_format::scientific);
  const absl::string_view text(buffer.data(), static_cast<size_t>(written.ptr - buffer.data()));
  const size_t e = text.find('e');
  Digits result{.is_negative = std::signbit(value), .digits = {}, .exponent = 0};
  for (const char c : text.substr(0, e)) {
    if (c != '.') result.digits.push_back(c);
  }
  const bool has_plus = text[e + 1] == '+';
  std::from_chars(text.data() + e + (has_plus ? 2 : 1), text.data() + text.size(), result.exponent);
  return result;
}

std::string WithPoint(const Digits& number) {
  const absl::string_view digits = number.digits;
  if (number.exponent < 0) {
    return absl::StrCat("0.", std::string(static_cast<size_t>(-number.exponent - 1), '0'), digits);
  }
  const auto whole = static_cast<size_t>(number.exponent) + 1;
  if (digits.size() <= whole) {
    return absl::StrCat(digits, std::string(whole - digits.size(), '0'), ".0");
  }
  return absl::StrCat(digits.substr(0, whole), ".", digits.substr(whole));
}

std::string WithExponent(const Digits& number) {
  const absl::string_view digits = number.digits;
  const absl::string_view point = digits.size() > 1 ? "." : "";
  return absl::StrCat(digits.substr(0, 1), point, digits.substr(1),
                      number.exponent < 0 ? "e-" : "e+",
                      absl::StrFormat("%02d", std::abs(number.exponent)));
}

}  // namespace

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const Digits number = ShortestDigits(value);
  const bool is_fixed =
      number.exponent >= kFixedExponentMin && number.exponent <= kFixedExponentMax;
  return absl::StrCat(number.is_negative ? "-" : "",
                      is_fixed ? WithPoint(number) : WithExponent(number));
}

std::string PythonFixed(double value) {
  return std::isfinite(value) ? absl::StrFormat("%f", value) : PythonFloat(value);
}

std::string PythonFloat(const std::optional<double>& value) {
  return value.has_value() ? PythonFloat(*value) : "None";
}

std::string JsonFloat(const std::optional<double>& value) {
  if (!value.has_value()) return "null";
  if (std::isnan(*value)) return "NaN";
  if (std::isinf(*value)) return *value < 0 ? "-Infinity" : "Infinity";
  return PythonFloat(*value);
}

std::string JsonString(absl::string_view text) {
  constexpr int kNoIndent = -1;
  constexpr bool kAsciiOnly = true;
  return nlohmann::json(std::string(text))
      .dump(kNoIndent, ' ', kAsciiOnly, nlohmann::json::error_handler_t::replace);
}

std::string PythonTime(int64_t unix_seconds, const std::string& format) {
  const std::time_t time = unix_seconds;
  std::tm local{};
  localtime_r(&time, &local);
  const std::string& used = format.empty() ? "%a %b %e %H:%M:%S %Y" : format;
  // strftime returns 0 both for an empty result and for one that does not fit.
  std::string text(used.size() * 16 + 256, '\0');
  text.resize(std::strftime(text.data(), text.size(), used.c_str(), &local));
  return text;
}

}  // namespace plumbago::whisper_tool

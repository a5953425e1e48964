// Numbers and strings as Python and JSON write them.
#include "functions/text.h"

#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "functions/number_text.h"

namespace plumbago::functions {
namespace {

TEST_CASE("Floats are written as Python's repr does", "[text]") {
  const auto [value, expected] = GENERATE(table<double, std::string>({
      {3, "3.0"},
      {0.1, "0.1"},
      {-0.0, "-0.0"},
      {1e20, "1e+20"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {HUGE_VAL, "inf"},
      {-HUGE_VAL, "-inf"},
      {0.30000000000000004, "0.30000000000000004"},
  }));
  CHECK(PythonFloat(value) == expected);
  CHECK(PythonFloat(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

// What the fast way has to equal.
std::string ShortestByLibrary(double value) {
  char buffer[400];
  const double magnitude = std::fabs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  const auto format = is_scientific ? std::chars_format::scientific : std::chars_format::fixed;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value, format).ptr);
  if (!is_scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

TEST_CASE("Floats of few decimals have the digits that the library finds", "[text]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const double powers[] = {1, 10, 100, 1000, 10'000, 3, 1024};
  size_t wrong_count = 0;
  for (int i = 0; i < 400'000; ++i) {
    const int bits = static_cast<int>(random() % 62) + 1;
    const auto whole = static_cast<double>(static_cast<int64_t>(random() >> (64 - bits)));
    double value = whole / powers[random() % std::size(powers)];
    if (random() % 2 == 0) value = -value;
    if (random() % 4 == 0) value = std::nextafter(value, random() % 2 == 0 ? HUGE_VAL : -HUGE_VAL);
    const std::string text = PythonFloat(value);
    if (text == ShortestByLibrary(value) && text.size() <= kNumberBytesMax) continue;
    if (wrong_count++ == 0) CHECK(text == ShortestByLibrary(value));
  }
  CHECK(wrong_count == 0);
}

TEST_CASE("JSON strings read back the same, and bad UTF-8 is replaced", "[text]") {
  for (const std::string& text : {std::string("plain"), std::string("q\"b\\s/\n\r\t\x01\x7f"),
                                  std::string("höst €  😀"), std::string("a\0b", 3)}) {
    std::string json;
    AppendJsonString(text, json);
    CHECK(nlohmann::json::parse(json).get<std::string>() == text);
  }
  for (const std::string text : {"a\xff"
                                 "b",
                                 "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80"}) {
    std::string json;
    AppendJsonString(text, json);
    CHECK(nlohmann::json::accept(json));
    CHECK(json.find("\xEF\xBF\xBD") != std::string::npos);
  }
}

TEST_CASE("Rounding to six places is that of the exact decimal value", "[text]") {
  CHECK(RoundToMicros(1.0 / 3) == 0.333333);
  CHECK(RoundToMicros(2.0 / 3) == 0.666667);
  CHECK(RoundToMicros(-1e-7) == 0);
  // 0.0000005 is below the tie in binary, 0.0000015 above it.
  CHECK(RoundToMicros(0.0000005) == 0.0);
  CHECK(RoundToMicros(0.0000015) == 0.000002);
  CHECK(RoundToMicros(0.5) == 0.5);
  CHECK(RoundToMicros(123456789.123456789) == 123456789.123457);
  CHECK(RoundToMicros(1e300) == 1e300);
  CHECK(std::isnan(RoundToMicros(std::nan(""))));
}

}  // namespace
TEST_CASE("Times are written one after the other as integers are", "[text]") {
  const auto write_all = [](const std::vector<int64_t>& times) {
    TimeWriter writer;
    for (const int64_t time : times) {
      char text[kNumberBytesMax];
      CHECK(std::string(text, writer.Write(time, text)) == std::to_string(time));
    }
  };
  write_all({0, 60, 9999, 10'000, 10'001, 19'999, 20'000});
  write_all({1'795'257'420, 1'795'257'480, 1'795'259'999, 1'795'260'000, 1'795'260'060});
  write_all({99'999, 100'000, 4'294'967'295, 4'294'967'296, 1'099'511'627'776, 5, -60});
}

}  // namespace plumbago::functions

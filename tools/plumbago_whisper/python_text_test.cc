// Proves the text of numbers at the edges where Python changes its form. The expected text was
// printed by Python 3.11.
#include "python_text.h"

#include <catch2/catch.hpp>
#include <limits>

namespace plumbago::whisper_tool {
namespace {

TEST_CASE("A number has Python's shortest digits", "[whisper_tool]") {
  const auto f = [](double value, const std::string& expected) {
    CHECK(PythonFloat(value) == expected);
  };
  f(0, "0.0");
  f(-0.0, "-0.0");
  f(1, "1.0");
  f(-12.5, "-12.5");
  f(0.1, "0.1");
  f(static_cast<double>(0.1F), "0.10000000149011612");
  f(0.0001, "0.0001");
  f(0.00001, "1e-05");
  f(0.0000123, "1.23e-05");
  f(1e15, "1000000000000000.0");
  f(9999999999999998, "9999999999999998.0");
  f(1e16, "1e+16");
  f(1.5e300, "1.5e+300");
  f(5e-324, "5e-324");
  f(std::numeric_limits<double>::quiet_NaN(), "nan");
  f(-std::numeric_limits<double>::quiet_NaN(), "nan");
  f(-std::numeric_limits<double>::infinity(), "-inf");
}

TEST_CASE("No value is None in text and null in JSON", "[whisper_tool]") {
  CHECK(PythonFloat(std::optional<double>()) == "None");
  CHECK(JsonFloat(std::nullopt) == "null");
  CHECK(JsonFloat(std::numeric_limits<double>::infinity()) == "Infinity");
  CHECK(JsonFloat(-std::numeric_limits<double>::infinity()) == "-Infinity");
  CHECK(JsonFloat(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(JsonFloat(2) == "2.0");
}

TEST_CASE("Six decimals have no sign on a NaN", "[whisper_tool]") {
  CHECK(PythonFixed(1.5) == "1.500000");
  CHECK(PythonFixed(-std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("A JSON string is ASCII", "[whisper_tool]") {
  CHECK(JsonString("a\"b\xc3\xa4") == "\"a\\\"b\\u00e4\"");
}

TEST_CASE("A time has the form of ctime or the one asked for", "[whisper_tool]") {
  CHECK(PythonTime(1'700'000'040, "%Y").size() == 4);
  CHECK(PythonTime(1'700'000'040, "").size() == 24);
}

}  // namespace
}  // namespace plumbago::whisper_tool

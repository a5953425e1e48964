// Proves that lines are cut and converted as carbon does, and that each fault has its own name.
#include "metric/line_parser.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace plumbago::metric {
namespace {

constexpr uint32_t kNow = 1'700'000'000;

struct Expected {
  std::string metric;
  double value;
  uint32_t time;
};

void Accepts(const std::string& line, const Expected& expected) {
  INFO(line);
  ParsedLine parsed;
  REQUIRE(ParseLine(line, kNow, &parsed) == LineFault::kNone);
  CHECK(std::string(parsed.metric) == expected.metric);
  CHECK(parsed.value == expected.value);
  CHECK(parsed.time_seconds == expected.time);
}

void Refuses(const std::string& line, LineFault fault) {
  INFO(line);
  ParsedLine parsed;
  CHECK(ParseLine(line, kNow, &parsed) == fault);
}

TEST_CASE("ParseLine accepts what carbon accepts", "[metric]") {
  Accepts("a.b.c 1.5 1700000000", {"a.b.c", 1.5, 1'700'000'000});
  Accepts("  a.b\t42 \t 1700000000 \r", {"a.b", 42, 1'700'000'000});
  Accepts("a -0.25 1700000000.9", {"a", -0.25, 1'700'000'000});
  Accepts("a 1e3 1.7e9", {"a", 1000, 1'700'000'000});
  Accepts("a +7 -1", {"a", 7, kNow});
  Accepts("a 1 -1.5", {"a", 1, kNow});
  Accepts("a inf 1", {"a", std::numeric_limits<double>::infinity(), 1});
  Accepts("a 1 4294967295", {"a", 1, 4'294'967'295U});
  Accepts("a 1e400 1", {"a", std::numeric_limits<double>::infinity(), 1});
  Accepts("a 1e-400 1", {"a", 0, 1});
  Accepts("a 0." + std::string(400, '0') + "1 1", {"a", 0, 1});
}

TEST_CASE("ParseLine names what is wrong", "[metric]") {
  Refuses("", LineFault::kFieldCount);
  Refuses("a", LineFault::kFieldCount);
  Refuses("a 1", LineFault::kFieldCount);
  Refuses("a 1 2 3", LineFault::kFieldCount);
  Refuses("a x 1700000000", LineFault::kBadValue);
  Refuses("a nan 1700000000", LineFault::kBadValue);
  Refuses("a 1_000 1700000000", LineFault::kBadValue);
  Refuses("a 0x10 1700000000", LineFault::kBadValue);
  Refuses("a +-1 1700000000", LineFault::kBadValue);
  Refuses("a . 1700000000", LineFault::kBadValue);
  Refuses("a 1 soon", LineFault::kBadTimestamp);
  Refuses("a 1 nan", LineFault::kBadTimestamp);
  Refuses("a 1 0", LineFault::kTimeOutOfRange);
  Refuses("a 1 -7", LineFault::kTimeOutOfRange);
  Refuses("a 1 4294967296", LineFault::kTimeOutOfRange);
  Refuses("a 1 inf", LineFault::kTimeOutOfRange);
}

TEST_CASE("ParseDouble rounds as strtod does", "[metric]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    char text[64];
    const double magnitude = std::ldexp(static_cast<double>(random() % 1'000'000'000),
                                        static_cast<int>(random() % 80) - 40);
    const int digits = static_cast<int>(random() % 18);
    std::snprintf(text, sizeof(text), random() % 2 == 0 ? "%.*f" : "-%.*g", digits, magnitude);
    double parsed = 0;
    INFO(text);
    REQUIRE(ParseDouble(text, &parsed));
    REQUIRE(parsed == std::strtod(text, nullptr));
  }
}

}  // namespace
}  // namespace plumbago::metric

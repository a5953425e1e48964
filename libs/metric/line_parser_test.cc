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

// A blank at the end changes nothing, but takes the line off the fast way.
TEST_CASE("ParseLine reads usual lines as it reads all others", "[metric]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto pick = [&](absl::string_view alphabet, size_t size_max) {
    std::string text;
    for (size_t size = random() % (size_max + 1); text.size() < size;) {
      text += alphabet[random() % alphabet.size()];
    }
    return text;
  };
  size_t taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string time = random() % 8 == 0
                                 ? pick("0123456789-.", 11)
                                 : std::to_string(1'000'000'000 + random() % 4'000'000'000);
    const std::string value =
        random() % 4 == 0 ? pick("0123456789.-+e/: ", 9) : pick("0123456789.", 9);
    const std::string line = pick("abc.9_-;=/", 70) +
                             (random() % 16 == 0 ? pick(" \t\x01", 2) : " ") + value +
                             (random() % 16 == 0 ? pick(" \t", 2) : " ") + time;
    const std::string longer = line + " ";
    INFO(line);
    ParsedLine fast;
    ParsedLine slow;
    const LineFault fault = ParseLine(line, kNow, &fast);
    REQUIRE(fault == ParseLine(longer, kNow, &slow));
    if (fault != LineFault::kNone) continue;
    ++taken;
    REQUIRE(fast.metric == slow.metric);
    REQUIRE(fast.value == slow.value);
    REQUIRE(fast.time_seconds == slow.time_seconds);
  }
  CHECK(taken > 50'000);
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

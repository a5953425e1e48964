// Proves that packed points come out as they went in, whatever they are, over appends and drops in
// any order, against a plain vector; and what they take.
#include "cache/point_buffer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <random>

namespace plumbago::cache {
namespace {

struct Known {
  uint32_t time;
  double value;
  uint32_t arrival_ms;
};

bool IsSame(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

void CheckHolds(const PointBuffer& buffer, const std::deque<Known>& model) {
  REQUIRE(buffer.size() == model.size());
  PointBuffer::Reader reader(buffer);
  Point point;
  for (const Known& known : model) {
    REQUIRE(reader.Next(&point));
    REQUIRE(point.time_seconds == known.time);
    REQUIRE(IsSame(point.value, known.value));
    REQUIRE(reader.arrival_ms() == known.arrival_ms);
  }
  REQUIRE_FALSE(reader.Next(&point));
}

uint64_t Seed() {
  const uint64_t seed = std::random_device{}();
  UNSCOPED_INFO("seed " << seed);
  return seed;
}

// Of up to 8 decimals and 18 digits, more than are told as decimals.
double Decimal(std::mt19937_64& random) {
  constexpr uint64_t kEnds[] = {100, 10'000, 1'000'000, 10'000'000'000, 1'000'000'000'000'000'000};
  const auto units = static_cast<double>(random() % kEnds[random() % 5]);
  return (random() % 4 == 0 ? -units : units) / std::pow(10, static_cast<double>(random() % 9));
}

// Values, times and arrivals of every kind: steady, with jitter, wild.
Known Wild(std::mt19937_64& random, const Known& before) {
  Known next = before;
  switch (random() % 4) {
    case 0:
      next.time += 10;
      break;
    case 1:
      next.time += static_cast<uint32_t>(random() % 100) - 50;
      break;
    case 2:
      next.time = static_cast<uint32_t>(random());
      break;
    default:
      break;
  }
  next.arrival_ms += static_cast<uint32_t>(random() >> (random() % 2 == 0 ? 54 : 32)) - 100;
  uint64_t bits = random();
  constexpr double kSpecial[] = {0.0, -0.0, 1.0, std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::denorm_min()};
  switch (random() % 4) {
    case 0:
      next.value = Decimal(random);
      break;
    case 1:
      next.value = kSpecial[random() % 5];
      break;
    case 2:
      std::memcpy(&next.value, &bits, sizeof(bits));
      break;
    default:
      break;
  }
  return next;
}

TEST_CASE("PointBuffer gives back every point as it was, over appends and drops", "[cache]") {
  std::mt19937_64 random(Seed());
  for (int round = 0; round < 200; ++round) {
    PointBuffer buffer;
    std::deque<Known> model;
    Known last{1'700'000'000, 1.5, 12345};
    for (int step = 0; step < 100; ++step) {
      if (random() % 4 != 0) {
        last = Wild(random, last);
        buffer.Append(last.time, last.value, last.arrival_ms);
        model.push_back(last);
      } else {
        const auto count = static_cast<uint32_t>(random() % (model.size() + 1));
        buffer.DropFront(count);
        model.erase(model.begin(), model.begin() + count);
      }
      CheckHolds(buffer, model);
    }
  }
}

TEST_CASE("FindLast finds the last point of a time, and only what is held", "[cache]") {
  PointBuffer buffer;
  CHECK_FALSE(buffer.FindLast(10).has_value());
  buffer.Append(10, 1, 100);
  buffer.Append(20, 2, 200);
  buffer.Append(10, 3, 300);
  REQUIRE(buffer.FindLast(10).has_value());
  CHECK(buffer.FindLast(10)->value == 3);
  CHECK(buffer.FindLast(10)->arrival_ms == 300);
  CHECK_FALSE(buffer.FindLast(15).has_value());
  CHECK_FALSE(buffer.FindLast(21).has_value());
  buffer.DropFront(2);
  CHECK_FALSE(buffer.FindLast(20).has_value());
}

TEST_CASE("FindLast agrees with a walk over all points, however many, over appends and drops",
          "[cache]") {
  std::mt19937_64 random(Seed());
  for (int round = 0; round < 20; ++round) {
    PointBuffer buffer;
    std::deque<Known> model;
    // Times go on, with some that come late and some twice; in every other round they are anywhere.
    const uint32_t spread = round % 2 == 0 ? 40 : 2000;
    for (uint32_t step = 0; step < 1500; ++step) {
      const Known point{1000 + step * 2 - static_cast<uint32_t>(random() % spread),
                        static_cast<double>(random() % 100), static_cast<uint32_t>(random())};
      buffer.Append(point.time, point.value, point.arrival_ms);
      model.push_back(point);
      if (random() % 200 == 0) {
        const auto count = static_cast<uint32_t>(random() % (model.size() + 1));
        buffer.DropFront(count);
        model.erase(model.begin(), model.begin() + count);
      }
      if (random() % 3 != 0) continue;
      const uint32_t time = 1000 + step * 2 - static_cast<uint32_t>(random() % 2500);
      const auto expected = std::find_if(model.rbegin(), model.rend(),
                                         [&](const Known& known) { return known.time == time; });
      const auto found = buffer.FindLast(time);
      REQUIRE(found.has_value() == (expected != model.rend()));
      if (!found.has_value()) continue;
      REQUIRE(found->value == expected->value);
      REQUIRE(found->arrival_ms == expected->arrival_ms);
    }
    CheckHolds(buffer, model);
  }
}

TEST_CASE("A buffer that is asked for times counts what it notes, and gives it back", "[cache]") {
  PointBuffer buffer;
  for (uint32_t i = 0; i < 320; ++i) buffer.Append(i, 1, i);
  const size_t before = buffer.memory_bytes();
  CHECK(buffer.FindLast(100).has_value());
  CHECK(buffer.memory_bytes() > before);
  CHECK(buffer.memory_bytes() < before + 320 * 3);
  buffer.DropFront(1);
  CHECK(buffer.memory_bytes() <= before);
}

TEST_CASE("Arrivals are compared over the end of their 32 bits", "[cache]") {
  CHECK(IsLaterArrival(5, 0xfffffff0u));
  CHECK_FALSE(IsLaterArrival(0xfffffff0u, 5));
  CHECK_FALSE(IsLaterArrival(7, 7));
}

TEST_CASE("Steady points take a third of what they take in columns, random ones not more",
          "[cache]") {
  std::mt19937_64 random(7);
  const auto bytes_of = [&](auto value_of) {
    PointBuffer buffer;
    for (uint32_t i = 0; i < 1000; ++i) {
      const auto jitter_ms = static_cast<uint32_t>(random() % 50);
      buffer.Append(1'700'000'000 + i * 10, value_of(i), i * 10'000 + jitter_ms);
    }
    return buffer.memory_bytes();
  };
  // Columns of time, value and arrival: 16 bytes a point.
  CHECK(bytes_of([](uint32_t i) { return 1.0 * (i % 100); }) < 1000 * 16 / 2);
  CHECK(bytes_of([](uint32_t) { return 42.0; }) < 1000 * 16 / 3);
  // As doubles these differ in 6 or 7 bytes.
  CHECK(bytes_of([&](uint32_t) { return static_cast<double>(random() % 10'000) / 100; }) <
        1000 * 16 / 2);
  CHECK(bytes_of([](uint32_t i) { return 1e12 + 7919.0 * i; }) < 1000 * 16 / 2);
  CHECK(bytes_of([&](uint32_t) { return std::ldexp(static_cast<double>(random()), -64); }) <
        1000 * 16);
}

TEST_CASE("A buffer gives its memory back as points are dropped", "[cache]") {
  PointBuffer buffer;
  for (uint32_t i = 0; i < 10'000; ++i) buffer.Append(i, 1.0 * i, i);
  const size_t full_bytes = buffer.memory_bytes();
  buffer.DropFront(9'900);
  CHECK(buffer.memory_bytes() < full_bytes / 50);
  buffer.DropFront(100);
  CHECK(buffer.memory_bytes() == 0);
}

TEST_CASE("A buffer that is filled again begins with what it held, up to a bound", "[cache]") {
  PointBuffer buffer;
  const auto fill = [&](uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) buffer.Append(100 + i, 0.1 * i, 5 * i * i);
  };
  fill(30);
  const size_t filled_bytes = buffer.memory_bytes();
  buffer.DropFront(30);
  CHECK(buffer.memory_bytes() == 0);
  fill(1);
  const size_t begun_bytes = buffer.memory_bytes();
  CHECK(begun_bytes > 32);
  CHECK(begun_bytes <= filled_bytes);
  fill(29);
  CHECK(buffer.memory_bytes() == begun_bytes);  // it fitted
  buffer.DropFront(30);
  fill(1);
  buffer.DropFront(1);
  fill(1);
  CHECK(buffer.memory_bytes() == 32);  // as little as the last time
  buffer.DropFront(1);
  fill(1000);
  buffer.DropFront(1000);
  fill(1);
  CHECK(buffer.memory_bytes() == 1024);
}

}  // namespace
}  // namespace plumbago::cache

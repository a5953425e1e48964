// Proves that an update that remembers the newest points writes the same file as one that reads
// them, with fewer calls, and what is remembered when rings wrap.
#include "whisper/recent_points.h"

#include <catch2/catch.hpp>
#include <random>

#include "whisper/internal/draft_file.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

constexpr uint32_t kNow = 1'700'000'040;

std::vector<uint32_t> TimesOf(const RecentPoints& recent) {
  std::vector<uint32_t> times;
  for (const Point& point : recent.points()) times.push_back(point.time);
  return times;
}

using Times = std::vector<uint32_t>;

TEST_CASE("Of an empty archive everything is known", "[whisper]") {
  const Archive archive{.offset = 40, .seconds_per_point = 10, .point_count = 12};
  RecentPoints recent;
  recent.Add(archive, {{{100, 1}}});
  CHECK(recent.points().empty());
  recent.SetEmpty();
  recent.Add(archive, {{{100, 1}, {110, 2}, {120, 3}}});
  recent.Add(archive, {{{90, 4}, {110, 5}}});
  CHECK(TimesOf(recent) == Times{90, 100, 110, 120});
  CHECK(recent.points()[2].value == 5);
  recent.Trim(60);
  CHECK(recent.from() == 120);
  CHECK(TimesOf(recent) == Times{120});
}

TEST_CASE("A point that another turn of the ring overwrites is not remembered", "[whisper]") {
  const Archive archive{.offset = 40, .seconds_per_point = 10, .point_count = 12};
  RecentPoints recent;
  recent.SetEmpty();
  recent.Add(archive, {{{100, 1}, {130, 1}}});
  recent.Add(archive, {{{220, 2}}});  // the slot of 100
  CHECK(TimesOf(recent) == Times{130, 220});
  recent.Add(archive, {{{100, 3}}});  // and back
  CHECK(TimesOf(recent) == Times{100, 130});
}

TEST_CASE("What a file holds is learnt from its slots", "[whisper]") {
  const Header header = MakeHeader({{10, 12}}, 0, AggregationMethod::kSum).value();
  internal::DraftFile file(header.file_bytes());
  BaseTimes base_times;
  REQUIRE(Updater()
              .UpdateMany({file, header, base_times}, {{{1020, 1}, {1130, 3}}}, 1130,
                          Duplicates::kLastWins)
              .ok());
  std::string slots(12 * kPointBytes, '\0');
  REQUIRE(file.ReadAt(header.archives[0].offset, slots.data(), slots.size()).ok());
  RecentPoints recent;
  recent.SetFromSlots(header.archives[0], base_times[0], slots);
  CHECK(recent.is_known());
  CHECK(TimesOf(recent) == Times{1020, 1130});
}

// Random flushes, in order and late, early and repeated, in short rings that wrap all the time.
TEST_CASE("An update that remembers writes the same file as one that reads", "[whisper]") {
  std::mt19937 random(static_cast<uint32_t>(GENERATE(range(1, 40))));
  const auto below = [&](uint32_t end) { return static_cast<uint32_t>(random()) % end; };
  const Header header =
      MakeHeader({{10, 6 + below(30)}, {60, 60 + below(20)}, {300, 300}},
                 static_cast<float>(below(11)) / 10, static_cast<AggregationMethod>(1 + below(8)))
          .value();
  internal::DraftFile reading(header.file_bytes());
  internal::DraftFile remembering(header.file_bytes());
  BaseTimes reading_times, remembering_times;
  RecentArchives recent = below(2) == 0 ? NoPoints(header) : RecentArchives();
  Updater updater;
  int64_t now = kNow;
  for (int flush = 0; flush < 60; ++flush) {
    now += below(400);
    std::vector<Point> points;
    const uint32_t spread = below(4) == 0 ? 4000 : 300;
    const uint32_t future = below(8) == 0 ? 600 : 0;
    for (uint32_t i = 0, count = 1 + below(40); i < count; ++i) {
      points.push_back(
          {.time = static_cast<uint32_t>(now) + future - below(spread), .value = 1.0 * below(100)});
    }
    REQUIRE(updater.UpdateMany({reading, header, reading_times}, points, now, Duplicates::kLastWins)
                .ok());
    REQUIRE(updater
                .UpdateMany({remembering, header, remembering_times, &recent}, points, now,
                            Duplicates::kLastWins)
                .ok());
    std::string a(header.file_bytes(), '\0'), b = a;
    REQUIRE(reading.ReadAt(0, a.data(), a.size()).ok());
    REQUIRE(remembering.ReadAt(0, b.data(), b.size()).ok());
    REQUIRE(a == b);
    for (const RecentPoints& one : recent) CHECK(one.points().size() <= RecentPoints::kPointsMax);
  }
}

}  // namespace
}  // namespace plumbago::whisper

// What is decided about the tail of groups, and what is refused of an answer; that merged groups
// equal whole ones is in group_reader_test.cc.
#include "query/group_merge.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace plumbago::query {
namespace {

using functions::Aggregation;
using functions::kNull;

constexpr functions::TimeRange kRange{.from = 0, .until = 3600};

HotSeries Hot(uint32_t time, double value) {
  return {.metric_index = 0, .times = {time}, .values = {value}};
}

// Two series of three steps, of which the first two are in the head.
struct Case {
  ReduceQuestion::Group asked{
      .aggregation = Aggregation::kSum, .metrics = {"a", "b"}, .places = {0, 1}, .late = {}};
  ReducedGroup part = [] {
    ReducedGroup group;
    group.start = 60;
    group.step = 60;
    group.row_count = 3;
    group.aggregation_method = "average";
    group.finest_step = 60;
    group.head = {.counts = {2, 1}, .values = {3, 5}, .others = {}, .places = {}};
    group.tail = {kNull, 7};
    return group;
  }();
  GroupMerge merge{Aggregation::kSum, /*tail_from=*/180};
  std::vector<const HotSeries*> hot{nullptr, nullptr};
};

}  // namespace

TEST_CASE("Without hot points there is no tail", "[group_merge]") {
  CHECK(ChooseTail({}, 100, kRange) == kNoTail);
}

TEST_CASE("The tail begins at the first hot point, where that is recent", "[group_merge]") {
  CHECK(ChooseTail({3590, 3550, 3580}, 100, kRange) == 3550);
}

TEST_CASE("A series with hot points far behind the others does not make the tail long",
          "[group_merge]") {
  std::vector<int64_t> firsts(100, 3550);
  firsts[7] = 10;
  CHECK(ChooseTail(firsts, 100, kRange) == 3550);
}

TEST_CASE("A few series with hot points are sent whole rather than the tails of all",
          "[group_merge]") {
  CHECK(ChooseTail({1800}, 100, kRange) == kNoTail);
}

TEST_CASE("Where most would be sent in any case nothing is reduced", "[group_merge]") {
  CHECK(ChooseTail(std::vector<int64_t>(100, 1800), 100, kRange) == std::nullopt);
}

TEST_CASE("Hot points behind the range make no tail", "[group_merge]") {
  CHECK(ChooseTail(std::vector<int64_t>(100, 3601), 100, kRange) == 3601);
}

TEST_CASE("A merged group has the shards' heads, and the tails with their hot points",
          "[group_merge]") {
  Case c;
  const HotSeries hot = Hot(185, 4);
  c.hot[0] = &hot;
  REQUIRE(c.merge.Add(c.part, c.asked, c.hot) == GroupMerge::Result::kMerged);
  REQUIRE(c.merge.Add(c.part, c.asked, c.hot) == GroupMerge::Result::kMerged);
  const functions::ReducedRows rows = c.merge.Rows();
  CHECK(rows.grid.start == 60);
  CHECK(rows.grid.end == 240);
  CHECK(rows.series_count == 4);
  CHECK(c.merge.point_count() == 12);
  CHECK(rows.rows.Result(4, 0) == std::vector<double>{6, 10, 22});
}

TEST_CASE("Late series are added whole", "[group_merge]") {
  Case c;
  const HotSeries hot = Hot(61, 100);
  c.hot[1] = &hot;
  c.asked.late = {1};
  c.part.tail = {1};
  c.part.late = {kNull, 20, 30};
  REQUIRE(c.merge.Add(c.part, c.asked, c.hot) == GroupMerge::Result::kMerged);
  CHECK(c.merge.Rows().rows.Result(2, 0) == std::vector<double>{103, 25, 31});
}

TEST_CASE("Parts of different grids are not merged", "[group_merge]") {
  const auto add_changed = [](auto change) {
    Case c;
    REQUIRE(c.merge.Add(c.part, c.asked, c.hot) == GroupMerge::Result::kMerged);
    change(c.part);
    return c.merge.Add(c.part, c.asked, c.hot);
  };
  constexpr auto kMixed = GroupMerge::Result::kMixedGrids;
  CHECK(add_changed([](ReducedGroup& part) { part.finest_step = 10; }) == kMixed);
  CHECK(add_changed([](ReducedGroup& part) { part.aggregation_method = "sum"; }) == kMixed);
  CHECK(add_changed([](ReducedGroup& part) {
          part.row_count = 2;
          part.tail.clear();
        }) == kMixed);
}

TEST_CASE("Columns of unequal length are refused", "[group_merge]") {
  const auto add_changed = [](auto change) {
    Case c;
    change(c.part);
    return c.merge.Add(c.part, c.asked, c.hot);
  };
  constexpr auto kMalformed = GroupMerge::Result::kMalformed;
  CHECK(add_changed([](ReducedGroup& part) { part.tail.pop_back(); }) == kMalformed);
  CHECK(add_changed([](ReducedGroup& part) { part.late.push_back(1); }) == kMalformed);
  CHECK(add_changed([](ReducedGroup& part) { part.head.counts.pop_back(); }) == kMalformed);
  CHECK(add_changed([](ReducedGroup& part) { part.head.values.pop_back(); }) == kMalformed);
  CHECK(add_changed([](ReducedGroup& part) { part.row_count = 4; }) == kMalformed);
}

}  // namespace plumbago::query

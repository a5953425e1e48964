// Proves that pieces of a series become one again, and that pieces which do not fit are refused.
#include "shard_answers.h"

#include <catch2/catch.hpp>

namespace plumbago::query {
namespace {

v1::FetchResponse Stored(uint32_t metric_index, uint32_t start, std::vector<double> values) {
  v1::FetchResponse response;
  v1::FetchedSeries* series = response.add_series();
  series->set_metric_index(metric_index);
  series->set_start(start);
  series->set_step(10);
  series->mutable_value()->Add(values.begin(), values.end());
  return response;
}

v1::ReadPointsResponse Hot(uint32_t metric_index, std::vector<uint32_t> times) {
  v1::ReadPointsResponse response;
  response.add_metric_index(metric_index);
  response.add_point_count(static_cast<uint32_t>(times.size()));
  for (const uint32_t time : times) {
    response.add_time(time);
    response.add_value(time * 2.0);
  }
  return response;
}

TEST_CASE("A stored series that comes in pieces is one series", "[shard_answers]") {
  std::vector<StoredSeries> list;
  for (auto response : {Stored(3, 100, {1, 2}), Stored(3, 120, {3}), Stored(4, 100, {9})}) {
    REQUIRE(TakeStored(response, list).ok());
  }
  REQUIRE(list.size() == 2);
  CHECK(list[0].start == 100);
  CHECK(list[0].values == std::vector<double>{1, 2, 3});
  CHECK(list[1].metric_index == 4);
  CHECK(list[1].values == std::vector<double>{9});
}

TEST_CASE("A piece that does not follow the one before it is refused", "[shard_answers]") {
  std::vector<StoredSeries> list;
  auto first = Stored(3, 100, {1, 2});
  auto gap = Stored(3, 130, {3});
  REQUIRE(TakeStored(first, list).ok());
  CHECK(absl::IsInternal(TakeStored(gap, list)));
}

TEST_CASE("Hot points that come in pieces are one series, in order of arrival", "[shard_answers]") {
  std::vector<HotSeries> list;
  for (auto response : {Hot(7, {10, 30}), Hot(7, {20}), Hot(8, {5})}) {
    REQUIRE(TakeHot(response, list).ok());
  }
  REQUIRE(list.size() == 2);
  CHECK(list[0].times == std::vector<uint32_t>{10, 30, 20});
  CHECK(list[0].values == std::vector<double>{20, 60, 40});
  CHECK(list[1].times == std::vector<uint32_t>{5});
}

TEST_CASE("Hot columns of unequal length are refused", "[shard_answers]") {
  std::vector<HotSeries> list;
  auto response = Hot(7, {10});
  response.set_point_count(0, 2);
  CHECK(absl::IsInternal(TakeHot(response, list)));
}

TEST_CASE("A reduced group that comes in pieces is one group", "[shard_answers]") {
  std::vector<ReducedGroup> list;
  v1::ReduceResponse first;
  v1::ReducedGroup* piece = first.add_group();
  piece->set_start(60);
  piece->set_step(60);
  piece->set_step_count(3);
  piece->set_aggregation_method("sum");
  piece->add_value_count(1);
  v1::ReduceResponse second;
  piece = second.add_group();
  piece->add_value_count(2);
  piece->add_tail(7);
  piece = second.add_group();
  piece->set_group_index(1);
  piece->set_refusal(v1::ReducedGroup::MIXED_GRIDS);
  REQUIRE(TakeReduced(first, list).ok());
  REQUIRE(TakeReduced(second, list).ok());
  REQUIRE(list.size() == 2);
  CHECK(list[0].row_count == 3);
  CHECK(list[0].aggregation_method == "sum");
  CHECK(list[0].head.counts == std::vector<uint32_t>{1, 2});
  CHECK(list[0].tail == std::vector<double>{7});
  CHECK(list[1].group_index == 1);
  CHECK(list[1].refusal == ReducedGroup::Refusal::kMixedGrids);
}

}  // namespace
}  // namespace plumbago::query

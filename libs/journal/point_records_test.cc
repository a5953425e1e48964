// Proves that series and points come back as they were put in, and that malformed payloads are
// refused at every length.
#include "journal/point_records.h"

#include <catch2/catch.hpp>
#include <limits>

namespace plumbago::journal {
namespace {

TEST_CASE("Series come back as they were", "[point_records]") {
  std::string payload;
  AppendSeries(7, "acme", "servers.web01.cpu", payload);
  AppendSeries(8, "b", std::string(5000, 'x'), payload);
  std::vector<NumberedSeries> series;
  REQUIRE(ParseSeries(payload, &series).ok());
  REQUIRE(series.size() == 2);
  CHECK(series[0].number == 7);
  CHECK(series[0].tenant == "acme");
  CHECK(series[0].metric == "servers.web01.cpu");
  CHECK(series[1].metric.size() == 5000);
}

TEST_CASE("Points come back as they were, bit for bit", "[point_records]") {
  const std::vector<uint32_t> numbers = {1, 2, UINT32_MAX};
  const std::vector<uint32_t> times = {10, 0, UINT32_MAX};
  const std::vector<double> values = {0.1, -std::numeric_limits<double>::infinity(), -0.0};
  std::string payload;
  AppendPoints(numbers, times, values, payload);
  PointColumns columns;
  REQUIRE(ParsePoints(payload, &columns).ok());
  CHECK(columns.numbers == numbers);
  CHECK(columns.time_seconds == times);
  CHECK(columns.values == values);
  CHECK(std::signbit(columns.values[2]));
}

TEST_CASE("Payloads that are cut are refused", "[point_records]") {
  std::string payload;
  AppendSeries(7, "acme", "a.b", payload);
  std::vector<NumberedSeries> series;
  for (size_t size = 1; size < payload.size(); ++size) {
    CHECK(absl::IsDataLoss(ParseSeries(payload.substr(0, size), &series)));
  }
  payload.clear();
  AppendPoints({1}, {2}, {3.0}, payload);
  PointColumns columns;
  for (size_t size = 1; size < payload.size(); ++size) {
    CHECK(absl::IsDataLoss(ParsePoints(payload.substr(0, size), &columns)));
  }
}

}  // namespace
}  // namespace plumbago::journal

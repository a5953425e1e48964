// Proves how the answers of several relays become one, and how rates are written.
#include "traffic_view.h"

#include <catch2/catch.hpp>

namespace plumbago::ctl {
namespace {

void AddRow(v1::TopResponse& top, const std::string& key, double points, double error = 0) {
  v1::TopResponse::Row* const row = top.add_rows();
  row->set_tenant("acme");
  row->set_key(key);
  row->set_points_per_second(points);
  row->set_points_per_second_error(error);
  row->set_new_series_per_second(1);
  row->set_bytes_per_second(points * 20);
  v1::TopResponse::Refused* const refused = row->add_refused();
  refused->set_reason("bad_value");
  refused->set_points_per_second(2);
}

TEST_CASE("MergeTop adds the rows of relays and keeps the heaviest", "[plumbagoctl]") {
  std::vector<v1::TopResponse> relays(2);
  relays[0].set_seconds(10);
  relays[0].set_points_per_second(100);
  AddRow(relays[0], "a", 60, 3);
  AddRow(relays[0], "b", 40);
  relays[1].set_seconds(7);
  relays[1].set_points_per_second(50);
  AddRow(relays[1], "b", 30);
  AddRow(relays[1], "c", 20);
  const v1::TopResponse merged = MergeTop(relays, 2);
  CHECK(merged.seconds() == 7);
  CHECK(merged.points_per_second() == 150);
  REQUIRE(merged.rows_size() == 2);
  CHECK(merged.rows(0).key() == "b");
  CHECK(merged.rows(0).points_per_second() == 70);
  CHECK(merged.rows(0).new_series_per_second() == 2);
  REQUIRE(merged.rows(0).refused_size() == 1);
  CHECK(merged.rows(0).refused(0).points_per_second() == 4);
  CHECK(merged.rows(1).key() == "a");
  CHECK(TopTable(merged, v1::TopRequest::PREFIX).Format() ==
        "TENANT  PREFIX  POINTS/S  NEW SERIES/S  BYTES/S  REFUSED/S\n"
        "acme    b       70        2.0           1400     bad_value 4.0\n"
        "acme    a       60 +-3.0  1.0           1200     bad_value 2.0\n");
}

TEST_CASE("TopTable has no key where tenants are shown", "[plumbagoctl]") {
  v1::TopResponse top;
  AddRow(top, "", 1);
  CHECK(TopTable(top, v1::TopRequest::TENANT).Format() ==
        "TENANT  POINTS/S  NEW SERIES/S  BYTES/S  REFUSED/S\n"
        "acme    1.0       1.0           20       bad_value 2.0\n");
}

TEST_CASE("TopSummary says when there is nothing yet", "[plumbagoctl]") {
  v1::TopResponse top;
  CHECK(TopSummary(top) == "no full second has been seen yet; ask again");
  top.set_seconds(10);
  top.set_points_per_second(1'234'567);
  CHECK(TopSummary(top) == "1.2M points/s over the last 10 s");
}

TEST_CASE("FormatRate is short and keeps what matters", "[plumbagoctl]") {
  const auto f = [](double rate, const std::string& expected) {
    CHECK(FormatRate(rate) == expected);
  };
  f(0, "0");
  f(0.31, "0.3");
  f(12, "12");
  f(9'999, "9999");
  f(45'600, "45.6k");
  f(1'200'000, "1.2M");
  f(3e9, "3.0G");
}

}  // namespace
}  // namespace plumbago::ctl

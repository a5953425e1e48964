// The texts of /render, byte by byte, and what strict readers need of them.
#include "query/render_format.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

namespace plumbago::query {
namespace {

using functions::MakeSeries;
using functions::Series;
using functions::SeriesList;

constexpr double N = functions::kNull;

TEST_CASE("json has target, tags and datapoints", "[render_format]") {
  const SeriesList list = {MakeSeries("a.b", 60, 240, 60, std::vector<double>{1, N, 0.5}),
                           MakeSeries("disk;rack=a1", 0, 60, 60, std::vector<double>{1e20})};
  CHECK(
      RenderJson(list, NullPoints::kKeep) ==
      R"([{"target":"a.b","tags":{"name":"a.b"},"datapoints":[[1.0,60],[null,120],[0.5,180]]},)"
      R"({"target":"disk;rack=a1","tags":{"rack":"a1","name":"disk"},"datapoints":[[1e+20,0]]}])");
}

TEST_CASE("json writes infinities and NaN as null", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 0, 30, 10, std::vector<double>{HUGE_VAL, -HUGE_VAL, N})};
  CHECK(RenderJson(list, NullPoints::kKeep) ==
        R"([{"target":"a","tags":{"name":"a"},"datapoints":[[null,0],[null,10],[null,20]]}])");
}

TEST_CASE("json without any point is an empty list", "[render_format]") {
  CHECK(RenderJson({}, NullPoints::kKeep) == "[]");
  CHECK(RenderJson({MakeSeries("a", 0, 0, 10, std::vector<double>{})}, NullPoints::kKeep) == "[]");
}

TEST_CASE("json can drop nulls, and series that have nothing else", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 0, 20, 10, std::vector<double>{N, N}),
                           MakeSeries("b", 0, 20, 10, std::vector<double>{N, 2})};
  CHECK(RenderJson(list, NullPoints::kDrop) ==
        R"([{"target":"b","tags":{"name":"b"},"datapoints":[[2.0,10]]}])");
}

TEST_CASE("json shows a value at the end, none behind it, and integers without point",
          "[render_format]") {
  Series series = MakeSeries("a", 0, 20, 10, std::vector<double>{1, 2, 3, 4});
  series.has_integer_values = true;
  CHECK(RenderJson({series}, NullPoints::kKeep) ==
        R"([{"target":"a","tags":{"name":"a"},"datapoints":[[1,0],[2,10],[3,20]]}])");
}

TEST_CASE("json is valid whatever names hold", "[render_format]") {
  const std::string name = "q\"b\\s\n\x01 \xff höst";
  const auto json = nlohmann::json::parse(
      RenderJson({MakeSeries(name, 0, 10, 10, std::vector<double>{1})}, NullPoints::kKeep));
  CHECK(json[0]["target"] == "q\"b\\s\n\x01 \xEF\xBF\xBD höst");
}

TEST_CASE("csv quotes what needs it and shows times in the zone", "[render_format]") {
  const SeriesList list = {MakeSeries("f(a,\"x\")", 0, 120, 60, std::vector<double>{1.5, N}),
                           MakeSeries("b", 1700000000, 1700000060, 60, std::vector<double>{3})};
  CHECK(RenderCsv(list, absl::FixedTimeZone(3600)) ==
        "\"f(a,\"\"x\"\")\",1970-01-01 01:00:00,1.5\r\n"
        "\"f(a,\"\"x\"\")\",1970-01-01 01:01:00,\r\n"
        "b,2023-11-14 23:13:20,3.0\r\n");
}

TEST_CASE("raw has one line a series", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 60, 240, 60, std::vector<double>{1, N, 2.5}),
                           MakeSeries("b", 0, 0, 10, std::vector<double>{})};
  CHECK(RenderRaw(list) == "a,60,240,60|1.0,None,2.5\nb,0,0,10|\n");
}

}  // namespace
}  // namespace plumbago::query

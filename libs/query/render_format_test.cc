// The bytes of /render, what strict readers need of them, and that parts add up to the whole. The
// conformance tests compare the same formats with graphite-web's own.
#include "query/render_format.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"

namespace plumbago::query {
namespace {

using functions::MakeSeries;
using functions::Series;
using functions::SeriesList;
using nlohmann::json;

constexpr double N = functions::kNull;

std::string Whole(RenderFormat format, SeriesList list, const EncodeOptions& options = {}) {
  return EncodeWhole(format, std::move(list), options);
}

std::string RenderJson(SeriesList list, NullPoints null_points) {
  return Whole(RenderFormat::kJson, std::move(list), {.null_points = null_points});
}

TEST_CASE("json has target, tags and datapoints", "[render_format]") {
  const SeriesList list = {MakeSeries("a.b", 60, 240, 60, std::vector<double>{1, N, 0.5}),
                           MakeSeries("disk;rack=a1", 0, 60, 60, std::vector<double>{1e20})};
  CHECK(
      RenderJson(list, NullPoints::kKeep) ==
      R"([{"target":"a.b","tags":{"name":"a.b"},"datapoints":[[1.0,60],[null,120],[0.5,180]]},)"
      R"({"target":"disk;rack=a1","tags":{"rack":"a1","name":"disk"},"datapoints":[[1e+20,0]]}])");
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

TEST_CASE("Every kind of JSON writes infinities and NaN as null", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 0, 30, 10, std::vector<double>{HUGE_VAL, -HUGE_VAL, N})};
  CHECK(RenderJson(list, NullPoints::kKeep) ==
        R"([{"target":"a","tags":{"name":"a"},"datapoints":[[null,0],[null,10],[null,20]]}])");
  CHECK(Whole(RenderFormat::kRickshaw, list) ==
        R"([{"target":"a","datapoints":[{"x":0,"y":null},{"x":10,"y":null},{"x":20,"y":null}]}])");
  CHECK(Whole(RenderFormat::kDygraph, list) ==
        R"({"labels" : ["Time", "a"], "data" : [[0, null], [10000, null], [20000, null]]})");
}

TEST_CASE("Every kind of JSON is valid whatever names hold", "[render_format]") {
  const std::string name = "q\"b\\s\n\x01 \xff höst";
  const std::string mended = "q\"b\\s\n\x01 \xEF\xBF\xBD höst";
  const SeriesList list = {MakeSeries(name, 10, 20, 10, std::vector<double>{1})};
  CHECK(json::parse(Whole(RenderFormat::kJson, list))[0]["target"] == mended);
  CHECK(json::parse(Whole(RenderFormat::kRickshaw, list))[0]["target"] == mended);
  CHECK(json::parse(Whole(RenderFormat::kDygraph, list))["labels"][1] == mended);
}

TEST_CASE("dygraph has a row for each time of the first series", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 60, 180, 60, std::vector<double>{1, 2}),
                           MakeSeries("b", 120, 240, 60, std::vector<double>{3, 4}),
                           MakeSeries("c", 0, 240, 120, std::vector<double>{5, 6})};
  CHECK(Whole(RenderFormat::kDygraph, list) ==
        R"({"labels" : ["Time", "a", "b", "c"], "data" : [)"
        R"([60000, 1.0, null, 5.0], [120000, 2.0, 3.0, 6.0]]})");
  CHECK(Whole(RenderFormat::kDygraph, {}) == "{}");
}

TEST_CASE("csv quotes what needs it and shows times in the zone", "[render_format]") {
  const SeriesList list = {MakeSeries("f(a,\"x\")", 0, 120, 60, std::vector<double>{1.5, N}),
                           MakeSeries("b", 1700000000, 1700000060, 60, std::vector<double>{3})};
  CHECK(Whole(RenderFormat::kCsv, list, {.zone = absl::FixedTimeZone(3600)}) ==
        "\"f(a,\"\"x\"\")\",1970-01-01 01:00:00,1.5\r\n"
        "\"f(a,\"\"x\"\")\",1970-01-01 01:01:00,\r\n"
        "b,2023-11-14 23:13:20,3.0\r\n");
}

TEST_CASE("raw has one line a series", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 60, 240, 60, std::vector<double>{1, N, 2.5}),
                           MakeSeries("b", 0, 0, 10, std::vector<double>{})};
  CHECK(Whole(RenderFormat::kRaw, list) == "a,60,240,60|1.0,None,2.5\nb,0,0,10|\n");
}

TEST_CASE("msgpack is a list of maps that a foreign reader reads", "[render_format]") {
  Series integers = MakeSeries(std::string(300, 'n'), 1LL << 40, (1LL << 40) + 120, 60,
                               std::vector<double>{-1, 200, 70000, -5e9, N});
  integers.has_integer_values = true;
  integers.consolidation = functions::Consolidation::kMaximum;
  const json list = json::from_msgpack(
      Whole(RenderFormat::kMsgpack,
            {MakeSeries("a\xff", 60, 240, 60, std::vector<double>{1, N, HUGE_VAL}),
             std::move(integers)}));
  CHECK(list[0]["values"][0].is_number_float());
  CHECK(list[0]["values"][1].is_null());
  CHECK(std::isinf(list[0]["values"][2].get<double>()));
  CHECK(list[0]["name"] == "a\xEF\xBF\xBD");
  CHECK(list[0]["valuesPerPoint"] == 1);
  CHECK(list[0].size() == 9);
  CHECK(list[1]["values"] == json::parse("[-1,200,70000,-5000000000,null]"));
  CHECK(list[1]["values"][0].is_number_integer());
  CHECK(list[1]["start"] == 1LL << 40);
  CHECK(list[1]["consolidationFunc"] == "max");
}

TEST_CASE("protobuf 2 flags absent values, protobuf 3 has NaN for them", "[render_format]") {
  const SeriesList list = {MakeSeries("a", 60, 240, 60, std::vector<double>{1, N, 2.5}),
                           MakeSeries("b\xff", 0, 1LL << 40, 10, std::vector<double>{7})};
  foreign::carbonapi_v2::MultiFetchResponse v2;
  REQUIRE(v2.ParseFromString(Whole(RenderFormat::kProtobufV2, list)));
  REQUIRE(v2.metrics_size() == 2);
  CHECK(v2.metrics(0).name() == "a");
  CHECK(v2.metrics(0).values(1) == 0);
  CHECK(v2.metrics(0).isabsent(1));
  CHECK_FALSE(v2.metrics(0).isabsent(2));
  CHECK(v2.metrics(1).stoptime() == 0x7FFFFFFF);
  foreign::carbonapi_v3::MultiFetchResponse v3;
  REQUIRE(v3.ParseFromString(
      Whole(RenderFormat::kProtobufV3, list, {.range = {.from = 50, .until = 200}})));
  CHECK(std::isnan(v3.metrics(0).values(1)));
  CHECK(v3.metrics(0).values(2) == 2.5);
  CHECK(v3.metrics(0).consolidationfunc() == "average");
  CHECK(v3.metrics(1).requeststarttime() == 50);
  CHECK(v3.metrics(1).stoptime() == 1LL << 40);
}

TEST_CASE("Long answers come in parts of a bounded size that add up", "[render_format]") {
  SeriesList list;
  for (int i = 0; i < 3; ++i) {
    std::vector<double> values;
    for (int k = 0; k < 100'000; ++k) values.push_back(k % 7 == 0 ? N : k / 3.0);
    list.push_back(MakeSeries("series" + std::to_string(i), 0, 6'000'000, 60, std::move(values)));
  }
  const auto format =
      GENERATE(RenderFormat::kJson, RenderFormat::kCsv, RenderFormat::kRaw, RenderFormat::kDygraph,
               RenderFormat::kRickshaw, RenderFormat::kPickle, RenderFormat::kMsgpack);
  CAPTURE(static_cast<int>(format));
  const auto stream = MakeRenderStream(format, list, {});
  std::string joined;
  size_t part_count = 0;
  for (bool has_more = true; has_more; ++part_count) {
    std::string part;
    has_more = stream->Next(part);
    REQUIRE(part.size() < 2 * kPartBytes);
    joined += part;
  }
  CHECK(part_count >= 5);
  const bool is_json = format == RenderFormat::kJson || format == RenderFormat::kRickshaw;
  if (is_json) CHECK(json::parse(joined)[2]["datapoints"].size() == 100'000);
  if (format == RenderFormat::kDygraph) CHECK(json::parse(joined)["data"].size() == 100'000);
  if (format == RenderFormat::kMsgpack) {
    CHECK(json::from_msgpack(joined)[2]["values"].size() == 100'000);
  }
}

}  // namespace
}  // namespace plumbago::query

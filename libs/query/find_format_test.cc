// The texts of /metrics/find, expand and index.json.
#include "query/find_format.h"

#include <catch2/catch.hpp>

#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"

namespace plumbago::query {
namespace {

const std::vector<FoundNode> kNodes = {
    {"web.a.cpu", true}, {"web.b.cpu", false}, {"web.b.cpu", true}, {"web.b.disk", false}};

TEST_CASE("treejson lists branches, then leaves, each name once", "[find_format]") {
  CHECK(
      FindTreeJson(kNodes, "web.*.*", WildcardNode::kNo) ==
      R"([{"text":"cpu","id":"web.*.cpu","allowChildren":1,"expandable":1,"leaf":0,"context":{}},)"
      R"({"text":"disk","id":"web.*.disk","allowChildren":1,"expandable":1,"leaf":0,"context":{}},)"
      R"({"text":"cpu","id":"web.*.cpu","allowChildren":0,"expandable":0,"leaf":1,"context":{}}])");
  CHECK(FindTreeJson({}, "x", WildcardNode::kYes) == "[]");
}

TEST_CASE("treejson can begin with a wildcard node", "[find_format]") {
  CHECK(FindTreeJson({{"a", true}, {"b", true}}, "*", WildcardNode::kYes)
            .starts_with(R"([{"text":"*","id":"*","allowChildren":0,"expandable":0,"leaf":1)"));
  CHECK(FindTreeJson({{"x.a", false}, {"x.b", true}}, "x.*", WildcardNode::kYes)
            .starts_with(R"([{"text":"*","id":"x.*","allowChildren":1,"expandable":1,"leaf":0)"));
  CHECK(FindTreeJson({{"a", true}}, "*", WildcardNode::kYes).starts_with(R"([{"text":"a")"));
  // Two nodes with one name are more than one.
  CHECK(FindTreeJson({{"x.a", true}, {"y.a", true}}, "*.a", WildcardNode::kYes)
            .starts_with(R"([{"text":"*","id":"*.*")"));
}

TEST_CASE("completer ends branches with a dot", "[find_format]") {
  CHECK(CompleterPattern("web.") == "web.*");
  CHECK(CompleterPattern("web..c") == "web*.c*");
  CHECK(CompleterPattern("web.*") == "web.*");
  CHECK(FindCompleter({{"web.a", false}, {"web.b", true}}, WildcardNode::kNo) ==
        R"({"metrics":[{"path":"web.a.","name":"a","is_leaf":"0"},)"
        R"({"path":"web.b","name":"b","is_leaf":"1"}]})");
  CHECK(FindCompleter({{"a", true}, {"b", true}}, WildcardNode::kYes)
            .ends_with(R"(,{"name":"*"}]})"));
  CHECK(FindCompleter({}, WildcardNode::kYes) == R"({"metrics":[]})");
}

TEST_CASE("Names are sorted across branches, and shown without their escapes", "[find_format]") {
  CHECK(FindCompleter({{"a.z", true}, {"b.y", true}}, WildcardNode::kNo) ==
        R"({"metrics":[{"path":"b.y","name":"y","is_leaf":"1"},)"
        R"({"path":"a.z","name":"z","is_leaf":"1"}]})");
  CHECK_THAT(FindTreeJson({{"a%2Fb+c%", true}}, "*", WildcardNode::kNo),
             Catch::Contains(R"("text":"a/b c%","id":"a%2Fb+c%")"));
  CHECK(CompleterPattern("x.a,b.{c,d}.e", Variants::kAutomatic) == "x.{a,b}.{c,d}.e*");
  CHECK(CompleterPattern("x.a,b", Variants::kAutomatic) == "x.{a,b*}");
}

TEST_CASE("nodelist has the distinct nodes at a position", "[find_format]") {
  CHECK(FindNodeList(kNodes, 1) == R"({"nodes":["a","b"]})");
  CHECK(FindNodeList(kNodes, -1) == R"({"nodes":["cpu","disk"]})");
  CHECK(FindNodeList(kNodes, 3) == R"({"nodes":[]})");
  CHECK(FindNodeList(kNodes, -4) == R"({"nodes":[]})");
}

TEST_CASE("protobuf answers can be read back", "[find_format]") {
  foreign::carbonapi_v2::GlobResponse v2;
  REQUIRE(v2.ParseFromString(FindProtobufV2(kNodes, "web.*.*")));
  CHECK(v2.name() == "web.*.*");
  REQUIRE(v2.matches_size() == 4);
  CHECK(v2.matches(0).path() == "web.a.cpu");
  CHECK(v2.matches(0).isleaf());
  CHECK_FALSE(v2.matches(3).isleaf());
  foreign::carbonapi_v3::MultiGlobResponse v3;
  REQUIRE(v3.ParseFromString(FindProtobufV3(kNodes, "a") + FindProtobufV3({}, "b")));
  REQUIRE(v3.metrics_size() == 2);
  CHECK(v3.metrics(0).matches_size() == 4);
  CHECK(v3.metrics(1).name() == "b");
}

TEST_CASE("pickle and msgpack are lists of maps", "[find_format]") {
  CHECK(FindMsgpack({{"b", false}}, 0) == std::string("\xDD\0\0\0\1\x82\xA4path\xA1"
                                                      "b\xA7is_leaf\xC2",
                                                      22));
  CHECK(FindPickle({}, 0) == "\x80\x02](e.");
}

TEST_CASE("json lists paths with intervals of leaves", "[find_format]") {
  CHECK(FindJson({{"a", false}, {"b", true}}, 1700000000) ==
        R"([{"path":"a","is_leaf":false},)"
        R"({"path":"b","is_leaf":true,"intervals":[{"start":0.0,"end":1700000000.0}]}])");
}

TEST_CASE("expand sorts, and groups by query where asked", "[find_format]") {
  CHECK(ExpandJson({"b", "a", "b"}) == R"({"results":["a","b"]})");
  CHECK(ExpandJson({}) == R"({"results":[]})");
  CHECK(ExpandJsonGrouped({{"x.*", {"x.a", "x.b"}}, {"y", {}}, {"x.*", {"x.a"}}}) ==
        R"({"results":{"x.*":["x.a","x.b"],"y":[]}})");
}

TEST_CASE("index is a list of names", "[find_format]") {
  CHECK(ListJson({"a", "b\"c"}) == R"(["a","b\"c"])");
}

}  // namespace
}  // namespace plumbago::query

// The texts of /metrics/find, expand and index.json.
#include "query/find_format.h"

#include <catch2/catch.hpp>

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

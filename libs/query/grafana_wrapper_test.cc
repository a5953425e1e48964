// Grafana's wrapper is recognised exactly, and taking it off changes no answer.
#include "query/grafana_wrapper.h"

#include <catch2/catch.hpp>

#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

std::string Taken(std::vector<std::string> targets) {
  const std::string suffix = TakeWrapper(targets);
  return targets[0] + "|" + suffix;
}

TEST_CASE("The wrapper is taken off, and nothing else", "[grafana_wrapper]") {
  CHECK(Taken({R"_(aliasSub(a.b, "(^.*$)", "\1 A"))_"}) == "a.b| A");
  CHECK(Taken({R"_(aliasSub(sum(a.*,b{1,2}) , '(^.*$)' ,'\1 my_ref') )_"}) ==
        "sum(a.*,b{1,2})| my_ref");
  CHECK(Taken({R"_(aliasSub(alias(a,", \"(^.*$)\", "), "(^.*$)", "\1 B"))_"}).find("| B") !=
        std::string::npos);
  for (const char* other :
       {"a.b", R"_(aliasSub(a.b, "(^.*)", "\1 A"))_", R"_(aliasSub(a.b, "(^.*$)", "\1A"))_",
        R"_(aliasSub(a.b, "(^.*$)", "x \1 A"))_", R"_(aliasSub(a.b, "(^.*$)", "\1 \1"))_",
        R"_(scale(aliasSub(a.b, "(^.*$)", "\1 A"),2))_", R"_(a.b|aliasSub("(^.*$)", "\1 A"))_",
        R"_(aliasSub(a.b, search="(^.*$)", replace="\1 A"))_",
        R"_(aliasSub(a.b, "(^.*$)", "\1 A")_"}) {
    CHECK(Taken({other}) == std::string(other) + "|");
  }
  CHECK(Taken({R"_(aliasSub(a, "(^.*$)", "\1 A"))_", R"_(aliasSub(b, "(^.*$)", "\1 B"))_"}) ==
        R"_(aliasSub(a, "(^.*$)", "\1 A")|)_");
}

TEST_CASE("Names with line breaks keep no suffix, as with the wrapper's expression",
          "[grafana_wrapper]") {
  functions::SeriesList list;
  for (const char* name : {"a", "a\nb", ""})
    list.push_back(functions::MakeSeries(name, 0, 1, 1, {}));
  AddSuffix(" A", list);
  CHECK(list[0].name == "a A");
  CHECK(list[1].name == "a\nb");
  CHECK(list[2].name == " A");
}

TEST_CASE("Without the wrapper and with the suffix the answer is that of the wrapper",
          "[grafana_wrapper]") {
  TwoShards shards(Replicas::kTwo);
  for (const char* id : {"shard-0", "shard-1"}) shards.shard(id).stored["web.a"].points[1010] = 1;
  for (const std::string inside : {"web.a", "alias(web.a,'')", "alias(web.a,'99%')",
                                   "alias(web.a,'a b')", "constantLine(5)", "no.such"}) {
    std::vector<std::string> targets = {"aliasSub(" + inside + ", \"(^.*$)\", \"\\1 A\")"};
    const auto wrapped =
        shards.engine.Render(shards.context, {.targets = targets, .range = {1000, 1030}});
    const std::string suffix = TakeWrapper(targets);
    CHECK(targets[0] == inside);
    auto answer = shards.engine.Render(shards.context, {.targets = targets, .range = {1000, 1030}});
    REQUIRE(wrapped.ok());
    REQUIRE(answer.ok());
    AddSuffix(suffix, answer->series);
    REQUIRE(answer->series.size() == wrapped->series.size());
    for (size_t i = 0; i < answer->series.size(); ++i) {
      CHECK(answer->series[i].name == wrapped->series[i].name);
      CHECK(answer->series[i].tags == wrapped->series[i].tags);
      CHECK(answer->series[i].path_expression == wrapped->series[i].path_expression);
    }
  }
}

}  // namespace
}  // namespace plumbago::query

// Layouts of series from every shard that has them, over two fake shards.
#include <catch2/catch.hpp>

#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

std::string Text(const DescribeAnswer& answer) {
  std::string text;
  for (const ShardLayouts& shard : answer.shards) {
    text += shard.shard + ":";
    for (const auto& [name, layout] : shard.series) {
      text += " " + name + " " + std::to_string(layout.archives[0].seconds_per_point);
    }
    text += "\n";
  }
  return text;
}

TEST_CASE("Series are described by each shard that has them", "[engine_describe]") {
  TwoShards shards(Replicas::kTwo);
  shards.shard("shard-0").stored["a.b"].step = 10;
  shards.shard("shard-0").stored["a.c"].step = 20;
  shards.shard("shard-1").stored["a.b"].step = 60;
  CHECK(Text(*shards.engine.Describe(shards.context, {"a.*"})) ==
        "shard-0: a.b 10 a.c 20\nshard-1: a.b 60\n");
  CHECK(Text(*shards.engine.Describe(shards.context, {"a.c", "a.c", "no"})) == "shard-0: a.c 20\n");
  CHECK(Text(*shards.engine.Describe(shards.context, {"no"})) == "");
}

TEST_CASE("A shard that fails is missing in the description", "[engine_describe]") {
  TwoShards shards(Replicas::kOne);
  shards.shard("shard-0").stored["a.b"].step = 10;
  shards.shard("shard-1").store_status = absl::UnavailableError("gone");
  const auto answer = shards.engine.Describe(shards.context, {"a.*"});
  REQUIRE(answer.ok());
  CHECK(Text(*answer) == "shard-0: a.b 10\n");
  REQUIRE(answer->notes.missing_shards.size() == 1);
  CHECK(answer->notes.missing_shards[0].id == "shard-1");
  shards.shard("shard-0").store_status = absl::UnavailableError("gone");
  CHECK(absl::IsUnavailable(shards.engine.Describe(shards.context, {"a.*"}).status()));
}

TEST_CASE("Too many series are not described", "[engine_describe]") {
  TwoShards shards(Replicas::kOne);
  shards.shard("shard-0").stored["a.b"].step = 10;
  shards.shard("shard-0").stored["a.c"].step = 10;
  Limits limits;
  limits.series_max = 1;
  const Engine engine(limits, shards.functions, shards.clients, shards.clock);
  CHECK(engine.Describe(shards.context, {"a.b"}).ok());
  CHECK(absl::IsResourceExhausted(engine.Describe(shards.context, {"a.*"}).status()));
}

}  // namespace
}  // namespace plumbago::query

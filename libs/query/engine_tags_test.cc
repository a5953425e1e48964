// Queries of tags over two shards of a fake topology: what is merged, who is asked, and what
// becomes of failures.
#include <catch2/catch.hpp>

#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

struct Fixture : TwoShards {
  using TwoShards::TwoShards;

  // "text=count" of each entry.
  std::vector<std::string> Complete(const TagQuestion& question, Engine::Counts counts) {
    const auto answer = engine.CompleteTags(context, question, counts);
    std::vector<std::string> texts;
    if (!answer.ok()) return {std::string(answer.status().message())};
    for (const TagEntry& entry : answer->entries) {
      texts.push_back(absl::StrCat(entry.text, "=", entry.series_count));
    }
    return texts;
  }
};

using Texts = std::vector<std::string>;

TEST_CASE("Names of tagged series of all shards come once, in byte order", "[engine_tags]") {
  Fixture fixture(Replicas::kTwo);
  fixture.shard("shard-0").stored["b;dc=x"];
  fixture.shard("shard-0").stored["a;dc=x"];
  fixture.shard("shard-1").stored["b;dc=x"];
  const auto found = fixture.engine.FindTagged(fixture.context, {"dc=x"});
  REQUIRE(found.ok());
  CHECK(found->names == Texts{"a;dc=x", "b;dc=x"});
  CHECK(absl::IsInvalidArgument(fixture.engine.FindTagged(fixture.context, {"dc"}).status()));
  CHECK(absl::IsInvalidArgument(fixture.engine.FindTagged(fixture.context, {"dc!=x"}).status()));
}

TEST_CASE("Counts of shards add up; where slots have replicas series are counted by name",
          "[engine_tags]") {
  for (const Replicas replicas : {Replicas::kOne, Replicas::kTwo}) {
    Fixture fixture(replicas);
    fixture.shard("shard-0").stored["a;dc=x"];
    fixture.shard("shard-0").stored["b;dc=x"];
    fixture.shard("shard-1").stored["c;dc=y"];
    const bool has_replicas = replicas == Replicas::kTwo;
    if (has_replicas) fixture.shard("shard-1").stored["a;dc=x"];
    const TagQuestion values{.tag = "dc", .count_max = 10};
    CHECK(fixture.Complete(values, Engine::Counts::kExact) == Texts{"x=2", "y=1"});
    CHECK(fixture.Complete({.tag = "name", .prefix = "b", .count_max = 10},
                           Engine::Counts::kNone) == Texts{"b=1"});
    CHECK(fixture.Complete({.count_max = 1}, Engine::Counts::kNone).size() == 1);
  }
}

TEST_CASE("More values than a store tells at once are an error, unless a limit is asked for",
          "[engine_tags]") {
  Fixture fixture(Replicas::kOne);
  for (int i = 0; i < 10'000; ++i)
    fixture.shard("shard-0").stored[absl::StrCat("a;v=", 10'000 + i)];
  CHECK(fixture.Complete({.tag = "v", .count_max = 10'000}, Engine::Counts::kNone).size() ==
        10'000);
  const Texts refused = fixture.Complete({.tag = "v", .count_max = 10'001}, Engine::Counts::kNone);
  REQUIRE(refused.size() == 1);
  CHECK_THAT(refused[0], Catch::Contains("\"v\" has more values than the 10000"));
}

TEST_CASE("Series are made on their owners and deleted on every shard", "[engine_tags]") {
  Fixture fixture(Replicas::kOne);
  const std::string metric = "a;dc=x";
  const bool is_low = topology::SlotOf("t", metric) < topology::kSlotCount / 2;
  REQUIRE(fixture.engine.CreateSeries(fixture.context, {metric}).ok());
  CHECK(fixture.shard("shard-0").stored.contains(metric) == is_low);
  CHECK(fixture.shard("shard-1").stored.contains(metric) != is_low);
  REQUIRE(fixture.engine.DeleteSeries(fixture.context, {metric}).ok());
  for (const char* id : {"shard-0", "shard-1"}) {
    CHECK(fixture.shard(id).stored.empty());
    CHECK(fixture.shard(id).calls.back() == "delete a;dc=x");
  }
}

TEST_CASE("A change that a shard did not take is an error that names it", "[engine_tags]") {
  Fixture fixture(Replicas::kTwo);
  fixture.shard("shard-1").store_status = absl::UnavailableError("gone");
  const absl::Status created = fixture.engine.CreateSeries(fixture.context, {"a;dc=x"});
  CHECK(absl::IsUnavailable(created));
  CHECK_THAT(std::string(created.message()), Catch::Contains("shard-1 did not do its part: gone"));
  CHECK(absl::IsUnavailable(fixture.engine.DeleteSeries(fixture.context, {"a;dc=x"})));
}

}  // namespace
}  // namespace plumbago::query

// The render function events() from target to series, over events in memory.
#include "query/event_reader.h"

#include <catch2/catch.hpp>

#include "query/testing/fake_events.h"
#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

struct Fixture {
  absl::StatusOr<RenderAnswer> Run(const std::string& target) {
    return engine.Render(shards.context, {.targets = {target}, .range = {1000, 1005}});
  }
  void Add(int64_t when_unix_us) { events.events.emplace_back().set_when_unix_us(when_unix_us); }

  TwoShards shards{Replicas::kOne};
  FakeEvents events;
  Engine engine{Limits(), shards.functions, shards.clients, shards.clock, &events};
};

TEST_CASE("events() counts events by the second, inside any function", "[event_reader]") {
  Fixture fixture;
  for (const int64_t when :
       {999'999'999, 1'000'000'000, 1'002'000'000, 1'002'900'000, 1'005'000'000}) {
    fixture.Add(when);
  }
  const auto answer = fixture.Run("events('a b', \"c\")");
  REQUIRE(answer.ok());
  REQUIRE(answer->series.size() == 1);
  const functions::Series& series = answer->series[0];
  CHECK(series.name == "events(\"a b\", \"c\")");
  CHECK(series.path_expression == series.name);
  CHECK(series.start == 1000);
  CHECK(series.end == 1005);
  CHECK(series.step == 1);
  CHECK(series.has_integer_values);
  CHECK(series.consolidation == functions::Consolidation::kSum);
  REQUIRE(series.values.size() == 5);
  CHECK(series.values[0] == 1);
  CHECK(std::isnan(series.values[1]));
  CHECK(series.values[2] == 2);
  CHECK(answer->notes.IsComplete());
  const auto scaled = fixture.Run("scale(events('a'),10)");
  REQUIRE(scaled.ok());
  CHECK(scaled->series[0].values[2] == 20);
}

TEST_CASE("events() asks for its tags, the tenant and the range", "[event_reader]") {
  Fixture fixture;
  REQUIRE(fixture.Run("group(events('a b','c'),events('*'),events('*','d'))").ok());
  REQUIRE(fixture.events.requests.size() == 3);
  const v1::FindEventsRequest& tagged = fixture.events.requests[0];
  CHECK(tagged.tenant() == "t");
  CHECK(tagged.from_unix_us() == 1'000'000'000);
  CHECK(tagged.until_unix_us() == 1'004'999'999);
  REQUIRE(tagged.tag_size() == 2);
  CHECK(tagged.tag(0) == "a b");
  CHECK(tagged.has_tags());
  CHECK(tagged.match() == v1::FindEventsRequest::ALL_KNOWN);
  CHECK_FALSE(fixture.events.requests[1].has_tags());
  CHECK(fixture.events.requests[2].has_tags());
}

TEST_CASE("Without its events the answer is partial", "[event_reader]") {
  Fixture fixture;
  fixture.events.failure = absl::UnavailableError("no connection");
  const auto answer = fixture.Run("events('a')");
  REQUIRE(answer.ok());
  REQUIRE(answer->notes.missing_shards.size() == 1);
  CHECK(DescribeMissing(answer->notes.missing_shards) == "events (no connection)");
  CHECK(answer->series.size() == 1);
}

TEST_CASE("events() over too long a range is refused before it is made", "[event_reader]") {
  Fixture fixture;
  Limits limits;
  limits.points_max = 4;
  const Engine engine(limits, fixture.shards.functions, fixture.shards.clients,
                      fixture.shards.clock, &fixture.events);
  const auto answer =
      engine.Render(fixture.shards.context, {.targets = {"events('*')"}, .range = {1000, 1005}});
  CHECK(absl::IsResourceExhausted(answer.status()));
  CHECK(fixture.events.requests.empty());
  CHECK(absl::IsInvalidArgument(
      fixture.shards.engine
          .Render(fixture.shards.context, {.targets = {"events('*')"}, .range = {1000, 1005}})
          .status()));
}

}  // namespace
}  // namespace plumbago::query

// Rules that refuse queries, and their end.
#include "query/block_list.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"

namespace plumbago::query {
namespace {

class Fixture {
 public:
  absl::StatusOr<BlockRule> Add(BlockRule rule) {
    rule.until = clock.Now() + absl::Minutes(10);
    return list.Add(std::move(rule));
  }
  absl::Status Check(const std::string& tenant, const std::vector<std::string>& texts,
                     const std::string& agent = "") {
    return list.Check({tenant, texts, [&](absl::string_view name) {
                         return absl::EqualsIgnoreCase(name, "User-Agent")
                                    ? absl::string_view(agent)
                                    : absl::string_view();
                       }});
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  BlockList list{clock};
};

TEST_CASE("A rule over targets refuses queries that have such a one", "[block_list]") {
  Fixture fixture;
  const auto rule = fixture.Add({.pattern = "summarize\\(.*1s", .note = "too dear"});
  REQUIRE(rule.ok());
  const absl::Status status = fixture.Check("a", {"x", "summarize(y,'1s')"});
  CHECK(absl::IsPermissionDenied(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("rule 1): too dear") && Catch::Contains("1970-01-01T00:26:40"));
  CHECK(fixture.Check("a", {"x"}).ok());
  CHECK(fixture.Check("a", {}).ok());
  CHECK(fixture.list.List().at(0).refused_count == 1);
}

TEST_CASE("A rule may be of one tenant, and look at a header", "[block_list]") {
  Fixture fixture;
  REQUIRE(fixture.Add({.tenant = "a", .header = "user-agent", .pattern = "^curl/"}).ok());
  CHECK_FALSE(fixture.Check("a", {"x"}, "curl/8").ok());
  CHECK(fixture.Check("b", {"x"}, "curl/8").ok());
  CHECK(fixture.Check("a", {"curl/8"}).ok());
}

TEST_CASE("Rules end by themselves or are taken away", "[block_list]") {
  Fixture fixture;
  REQUIRE(fixture.Add({.pattern = "x"}).ok());
  REQUIRE(fixture.list.Remove(1).ok());
  CHECK(absl::IsNotFound(fixture.list.Remove(1)));
  CHECK(fixture.Check("a", {"x"}).ok());
  REQUIRE(fixture.Add({.pattern = "x"}).ok());
  CHECK_FALSE(fixture.Check("a", {"x"}).ok());
  fixture.clock.Advance(absl::Minutes(10));
  CHECK(fixture.Check("a", {"x"}).ok());
  CHECK(fixture.list.List().empty());
}

TEST_CASE("Rules that are wrong, endless or too many are refused", "[block_list]") {
  Fixture fixture;
  CHECK_THAT(std::string(fixture.Add({.pattern = "a("}).status().message()),
             Catch::Contains("missing )"));
  CHECK(absl::IsInvalidArgument(fixture.Add({.pattern = ""}).status()));
  CHECK(absl::IsInvalidArgument(fixture.Add({.pattern = std::string(1025, 'x')}).status()));
  CHECK(absl::IsInvalidArgument(
      fixture.list.Add({.pattern = "x", .until = absl::InfiniteFuture()}).status()));
  for (size_t i = 0; i < BlockList::kRulesMax; ++i) REQUIRE(fixture.Add({.pattern = "x"}).ok());
  CHECK(absl::IsResourceExhausted(fixture.Add({.pattern = "x"}).status()));
}

}  // namespace
}  // namespace plumbago::query

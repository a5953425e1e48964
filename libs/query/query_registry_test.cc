// Queries that are here: what is listed, and how one is ended.
#include "query/query_registry.h"

#include <catch2/catch.hpp>

#include "base/status.h"

namespace plumbago::query {
namespace {

TEST_CASE("Queries are listed as long as they are here", "[query_registry]") {
  QueryRegistry registry;
  auto first = registry.Add({.tenant = "a", .text = "x"}, nullptr);
  const auto second = registry.Add({.tenant = "b"}, nullptr);
  second->SetState(QueryState::kRunning);
  const auto both = registry.List();
  REQUIRE(both.size() == 2);
  CHECK(both[0].id < both[1].id);
  CHECK(both[0].text == "x");
  CHECK(both[1].state == QueryState::kRunning);
  first.reset();
  CHECK(registry.List().size() == 1);
}

TEST_CASE("A killed query is cancelled and says why; others go on", "[query_registry]") {
  QueryRegistry registry;
  const auto parent = std::make_shared<base::Cancellation>();
  const auto victim = registry.Add({}, parent);
  const auto other = registry.Add({}, nullptr);
  CHECK(victim->CheckKilled().ok());
  REQUIRE(registry.Kill(victim->info().id).ok());
  CHECK(victim->cancellation()->IsCancelled());
  CHECK_FALSE(parent->IsCancelled());
  CHECK_FALSE(other->cancellation()->IsCancelled());
  CHECK(base::ReasonOf(victim->CheckKilled()) == QueryRegistry::kKilled);
  CHECK(absl::IsNotFound(registry.Kill(999)));
}

TEST_CASE("A query ends with its client, who does not count as an operator", "[query_registry]") {
  QueryRegistry registry;
  const auto parent = std::make_shared<base::Cancellation>();
  const auto query = registry.Add({}, parent);
  parent->Cancel();
  CHECK(query->cancellation()->IsCancelled());
  CHECK(query->CheckKilled().ok());
}

}  // namespace
}  // namespace plumbago::query

// Proves the grammar of --shard.
#include "shard_flag.h"

#include <catch2/catch.hpp>

namespace plumbago::tenant_controller {
namespace {

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseShardFlag(text).status().message());
}

TEST_CASE("A shard flag gives id, zone and addresses in any order", "[controller]") {
  const auto shard = ParseShardFlag("store=h:2,cache=127.0.0.1:1,id=a,zone=z 1");
  REQUIRE(shard.ok());
  CHECK(shard->id() == "a");
  CHECK(shard->zone() == "z 1");
  CHECK(shard->cache_address() == "127.0.0.1:1");
  CHECK(shard->store_address() == "h:2");
  CHECK(shard->state() == v1::Shard::ACTIVE);
  CHECK(ParseShardFlag("id=a,cache=h:1,store=h:2")->zone().empty());
}

TEST_CASE("A malformed shard flag is refused with the part that is wrong", "[controller]") {
  CHECK_THAT(ErrorOf(""), Catch::Contains("\"\" is not a field"));
  CHECK_THAT(ErrorOf("id=a,cahce=h:1"), Catch::Contains("\"cahce\" is not a field"));
  CHECK_THAT(ErrorOf("id=a,id=b"), Catch::Contains("id is given twice"));
  CHECK_THAT(ErrorOf("id=a,cache=h:1"), Catch::Contains("store_address \"\""));
  CHECK_THAT(ErrorOf("id=A,cache=h:1,store=h:2"), Catch::Contains("shard id \"A\""));
  CHECK_THAT(ErrorOf("id=a,cache=h:1,store=h:2,"), Catch::Contains("--shard \"id=a,cache="));
}

}  // namespace
}  // namespace plumbago::tenant_controller

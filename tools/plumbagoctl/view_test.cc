// Proves the text forms: tables, times and slot ranges.
#include <catch2/catch.hpp>

#include "table.h"
#include "topology_view.h"

namespace plumbago::ctl {
namespace {

TEST_CASE("Table pads its columns and shows no control characters", "[plumbagoctl]") {
  Table table({"ID", "NAME"});
  table.Add({"acme", "A\x1b[2J"});
  table.Add({"b", ""});
  CHECK(table.Format() == "ID    NAME\nacme  A?[2J\nb     -\n");
}

TEST_CASE("Times are shown in UTC, and none as a dash", "[plumbagoctl]") {
  CHECK(FormatUnixMs(0) == "-");
  CHECK(FormatUnixMs(1'700'000'000'999) == "2023-11-14T22:13:20Z");
}

TEST_CASE("Slot ranges have one or two bounds and one or more shards", "[plumbagoctl]") {
  const auto range = ParseSlotRange("0-2047=a,b-1");
  REQUIRE(range.ok());
  CHECK(range->last() == 2047);
  REQUIRE(range->shard_size() == 2);
  CHECK(range->shard(1) == "b-1");
  CHECK(ParseSlotRange("7=a")->first() == 7);
  CHECK(ParseSlotRange("7=a")->last() == 7);
  for (const char* text : {"", "a", "=a", "0-=a", "-1=a", "0-1", "0-1=", "0-1=a,", "x-1=a"}) {
    CHECK(ParseSlotRange(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("The shard table counts slots held and preferred", "[plumbagoctl]") {
  v1::TopologySnapshot topology;
  CHECK(ReplicationFactorOf(topology) == 1);
  for (const char* id : {"a", "b"}) {
    topology.add_shard()->set_id(id);
    topology.mutable_shard(topology.shard_size() - 1)->set_state(v1::Shard::ACTIVE);
  }
  *topology.add_slots() = *ParseSlotRange("0-9=a,b");
  *topology.add_slots() = *ParseSlotRange("10-4095=b");
  CHECK(ShardTable(topology).Format() ==
        "ID  STATE   ZONE  CACHE  STORE  SLOTS  PREFERRED\n"
        "a   active  -     -      -      10     10\n"
        "b   active  -     -      -      4096   4086\n");
  CHECK(SlotTable(topology).Format() == "FIRST  LAST  SHARDS\n0      9     a,b\n10     4095  b\n");
  CHECK(ReplicationFactorOf(topology) == 1);  // a few slots of two do not count
}

}  // namespace
}  // namespace plumbago::ctl

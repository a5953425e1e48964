// Proves the share of a shard, which quotas count for a series, and that the count is exact at the
// limit, also while series are on their way into the index.
#include "store/quotas.h"

#include <catch2/catch.hpp>
#include <thread>

#include "absl/strings/str_cat.h"

namespace plumbago::store {
namespace {

using Catch::Matchers::Contains;
using topology::kSlotCount;

struct Fixture {
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  Quotas quotas{*index};
  Quotas::Reservations reservations{quotas};
  v1::Snapshot snapshot;

  void SetTenantQuota(uint64_t series_max, uint64_t bytes_max) {
    v1::Limits& limits = *Tenant().mutable_limits();
    limits.set_series(series_max);
    limits.set_disk_bytes(bytes_max);
    Apply();
  }
  void SetPrefixQuota(const std::string& prefix, uint64_t series_max) {
    v1::PrefixQuota& quota = *Tenant().add_prefix_quota();
    quota.set_prefix(prefix);
    quota.set_series(series_max);
    Apply();
  }
  v1::Tenant& Tenant() {
    if (snapshot.tenant().empty()) snapshot.add_tenant()->set_id("t");
    return *snapshot.mutable_tenant(0);
  }
  void Apply(uint32_t owned_slots = kSlotCount) {
    quotas.Apply(*topology::Snapshot::FromProto(snapshot).value(), owned_slots);
  }
  absl::Status Create(absl::string_view metric, uint64_t file_bytes = 100) {
    const SeriesName name("t", metric);
    const absl::Status status = reservations.Add(name, file_bytes);
    if (!status.ok()) return status;
    reservations.BeginMove();
    CHECK(index->Add("t", metric, {file_bytes, 0}).ok());
    reservations.EndMove();
    return status;
  }
};

TEST_CASE("A shard's share is its part of the slots and some, never more than the limit",
          "[store]") {
  CHECK(ShareOfLimit(0, 2048, 1) == 0);
  CHECK(ShareOfLimit(1000, kSlotCount, 1) == 1000);
  CHECK(ShareOfLimit(1'000'000, 2048, 1) == 502'122);  // 500000 + 3 x 707.1
  CHECK(ShareOfLimit(10, 2048, 1) == 10);
  CHECK(ShareOfLimit(100, 1024, 1) == 40);  // 25 + 3 x 5
  CHECK(ShareOfLimit(1'000'000, 2048, 10'000) == 712'133);
  CHECK(ShareOfLimit(50, 1, 100) == 50);
}

TEST_CASE("A shard is known by its id or its store's address; else everything is its own",
          "[store]") {
  v1::TopologySnapshot topology;
  for (const std::string id : {"a", "b"}) {
    v1::Shard& shard = *topology.add_shard();
    shard.set_id(id);
    shard.set_cache_address("c" + id + ":1");
    shard.set_store_address("s" + id + ":1");
    shard.set_state(v1::Shard::ACTIVE);
  }
  v1::SlotRange& first = *topology.add_slots();
  first.set_last(999);
  first.add_shard("a");
  v1::SlotRange& second = *topology.add_slots();
  second.set_first(1000);
  second.set_last(4095);
  second.add_shard("b");
  second.add_shard("a");
  const auto map = topology::SlotMap::FromProto(topology).value();
  CHECK(OwnedSlots(*map, "a", "") == 4096);
  CHECK(OwnedSlots(*map, "b", "") == 3096);
  CHECK(OwnedSlots(*map, "", "sb:1") == 3096);
  CHECK(OwnedSlots(*map, "", "other:1") == 4096);
}

TEST_CASE("New series are refused at the limit, and a removed one makes room", "[store]") {
  Fixture fixture;
  fixture.SetTenantQuota(2, 0);
  CHECK(fixture.Create("a").ok());
  CHECK(fixture.Create("b;x=y").ok());  // tagged ones count too
  const absl::Status refused = fixture.Create("c");
  CHECK(absl::IsResourceExhausted(refused));
  CHECK_THAT(std::string(refused.message()),
             Contains("over the quota of tenant t: this store has 2 series of 2") &&
                 Contains("plumbagoctl tenant update t --series"));
  REQUIRE(fixture.index->Remove("t", "a").ok());
  CHECK(fixture.Create("c").ok());
  CHECK_FALSE(fixture.Create("d").ok());
  // Raised, lowered below what is there, and taken away.
  fixture.SetTenantQuota(3, 0);
  CHECK(fixture.Create("d").ok());
  fixture.SetTenantQuota(1, 0);
  CHECK_FALSE(fixture.Create("e").ok());
  CHECK(fixture.index->UsageOf("t", "").series_count == 3);
  fixture.SetTenantQuota(0, 0);
  CHECK(fixture.Create("e").ok());
}

TEST_CASE("Bytes are limited as series are", "[store]") {
  Fixture fixture;
  fixture.SetTenantQuota(0, 250);
  CHECK(fixture.Create("a", 100).ok());
  CHECK(fixture.Create("b", 150).ok());
  const absl::Status refused = fixture.Create("c", 1);
  CHECK_THAT(std::string(refused.message()),
             Contains("250 bytes of 250, and a new file 1") &&
                 Contains("plumbagoctl tenant update t --disk-bytes"));
}

TEST_CASE("A prefix counts whole nodes, and every quota above a series has to allow it",
          "[store]") {
  Fixture fixture;
  fixture.SetTenantQuota(4, 0);
  fixture.SetPrefixQuota("servers.web", 1);
  fixture.SetPrefixQuota("_tagged", 1);
  CHECK(fixture.Create("servers.web.cpu").ok());
  CHECK(fixture.Create("servers.web2.cpu").ok());
  const absl::Status refused = fixture.Create("servers.web.disk.used");
  CHECK_THAT(std::string(refused.message()),
             Contains("\"servers.web\" of tenant t") &&
                 Contains("plumbagoctl quota set t servers.web --series"));
  CHECK(fixture.Create("x;a=b").ok());
  CHECK_THAT(std::string(fixture.Create("y;a=b").message()), Contains("\"_tagged\""));
  CHECK(fixture.Create("servers.db.cpu").ok());
  CHECK_THAT(std::string(fixture.Create("z").message()), Contains("of tenant t"));

  const auto states = fixture.quotas.List("t");
  REQUIRE(states.size() == 3);
  CHECK(states[0].prefix == "");
  CHECK(states[0].series_count == 4);
  CHECK(states[0].refused_count == 1);
  CHECK(states[2].prefix == "servers.web");
  CHECK(states[2].series_max == 1);
  CHECK(states[2].series_count == 1);
  CHECK(states[2].refused_count == 1);
  CHECK(fixture.quotas.List("other").empty());
  CHECK(fixture.quotas.List("").size() == 3);
}

TEST_CASE("What is reserved counts until it is undone, also over a change of the quota",
          "[store]") {
  Fixture fixture;
  fixture.SetTenantQuota(1, 0);
  Quotas::Reservations other(fixture.quotas);
  REQUIRE(other.Add(SeriesName("t", "a"), 1).ok());
  CHECK_FALSE(fixture.Create("b").ok());
  fixture.SetTenantQuota(2, 0);
  CHECK(fixture.Create("b").ok());
  CHECK_FALSE(fixture.Create("c").ok());
  other.Undo();
  CHECK(fixture.Create("c").ok());
}

TEST_CASE("Many writers reach a quota exactly", "[store]") {
  constexpr size_t kLimit = 500;
  Fixture fixture;
  fixture.SetTenantQuota(kLimit, 0);
  std::vector<std::thread> writers;
  std::vector<size_t> created(4);
  for (size_t writer = 0; writer < created.size(); ++writer) {
    writers.emplace_back([&, writer] {
      Quotas::Reservations reservations(fixture.quotas);
      for (size_t batch = 0; batch < 50; ++batch) {
        std::vector<index::SeriesEntry> entries;
        for (size_t i = 0; i < 5; ++i) {
          const std::string metric = absl::StrCat("m.", writer, ".", batch, ".", i);
          if (!reservations.Add(SeriesName("t", metric), 1).ok()) continue;
          entries.push_back({metric, {1, 0}});
        }
        created[writer] += entries.size();
        reservations.BeginMove();
        if (!fixture.index->AddMany("t", entries).ok()) std::abort();
        reservations.EndMove();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(created[0] + created[1] + created[2] + created[3] == kLimit);
  CHECK(fixture.index->UsageOf("t", "").series_count == kLimit);
}

}  // namespace
}  // namespace plumbago::store

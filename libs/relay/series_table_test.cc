// Proves that the table keeps every series over many growths and knows no other.
#include "relay/series_table.h"

#include <catch2/catch.hpp>
#include <string>

#include "relay/batch.h"
#include "relay/name_table.h"

namespace plumbago::relay {
namespace {

TEST_CASE("SeriesTable finds every inserted name and nothing else", "[relay]") {
  SeriesTable table;
  constexpr uint32_t kCount = 100'000;
  for (uint32_t i = 0; i < kCount; ++i) {
    table.Insert(HashName("series." + std::to_string(i), 7), Route{.series_id = i});
  }
  CHECK(table.size() == kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    const Route* route = table.Find(HashName("series." + std::to_string(i), 7));
    REQUIRE(route != nullptr);
    REQUIRE(route->series_id == i);
    REQUIRE(table.Find(HashName("other." + std::to_string(i), 7)) == nullptr);
  }
  table.Clear();
  CHECK(table.Find(HashName("series.0", 7)) == nullptr);
}

TEST_CASE("SeriesTable finds the next series at once, and any other all the same", "[relay]") {
  SeriesTable table;
  constexpr uint32_t kCount = 1'000;
  const auto hash_of = [](uint32_t i) { return HashName("series." + std::to_string(i), 7); };
  for (uint32_t i = 0; i < kCount; ++i) table.Insert(hash_of(i), Route{.series_id = i});
  for (const uint32_t start : {0u, 5u, kCount - 1, kCount, UINT32_MAX}) {
    CAPTURE(start);
    uint32_t next = start;
    for (const uint32_t i : {3u, 4u, 5u, 2u, kCount - 1, 0u, 0u, 1u}) {
      const Route* route = table.FindNext(hash_of(i), &next);
      REQUIRE(route != nullptr);
      REQUIRE(route->series_id == i);
      REQUIRE(next == i + 1);
    }
    CHECK(table.FindNext(hash_of(kCount), &next) == nullptr);
    CHECK(next == 2);
  }
  CHECK(table.IsNumber(3, hash_of(3)));
  table.Clear();
  CHECK(!table.IsNumber(3, hash_of(3)));
}

TEST_CASE("BatchColumns keep their points over many growths", "[relay]") {
  BatchColumns columns;
  constexpr uint32_t kCount = 10'000;
  columns.Reserve(3);
  for (uint32_t i = 0; i < kCount; ++i) columns.Append(i, 2 * i, i + 0.5);
  REQUIRE(columns.size() == kCount);
  CHECK(columns.capacity() >= kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    REQUIRE(columns.series_id()[i] == i);
    REQUIRE(columns.time_seconds()[i] == 2 * i);
    REQUIRE(columns.value()[i] == i + 0.5);
  }
  columns.Reserve(1);
  CHECK(columns.size() == kCount);
}

TEST_CASE("HashName depends on the seed", "[relay]") {
  CHECK(HashName("a.b", 1).low != HashName("a.b", 2).low);
}

TEST_CASE("NameTable gives dense ids and keeps names where they are", "[relay]") {
  NameTable names;
  const std::string tenant = "default";
  REQUIRE(names.Append(tenant, "first") == 0);
  const absl::string_view first = names.Get(0).metric;
  for (uint32_t i = 1; i < 10'000; ++i) {
    REQUIRE(names.Append(tenant, "name." + std::to_string(i)) == i);
  }
  CHECK(names.Get(0).metric.data() == first.data());
  CHECK(names.Get(9'999).metric == "name.9999");
  CHECK(names.Get(9'999).tenant == "default");
  CHECK(names.series_count() == 10'000);
}

}  // namespace
}  // namespace plumbago::relay

// A tenant's own limits over the defaults, and what messages name.
#include "query/limits.h"

#include <catch2/catch.hpp>

namespace plumbago::query {
namespace {

TEST_CASE("What a tenant has not of its own is the default", "[limits]") {
  const Limits limits = LimitsOfTenant(Limits(), "acme", v1::Limits());
  CHECK(limits.series_max == Limits().series_max);
  CHECK(limits.series_name == "--series-per-query-max");
  CHECK(limits.request_timeout == absl::Seconds(25));
}

TEST_CASE("A tenant's own limits replace the defaults and are named in messages", "[limits]") {
  v1::Limits own;
  own.set_targets_per_query(1);
  own.set_series_per_query(2);
  own.set_points_per_query(3);
  own.set_memory_bytes_per_query(4);
  own.set_seconds_per_query(5);
  const Limits limits = LimitsOfTenant(Limits(), "acme", own);
  CHECK(limits.targets_max == 1);
  CHECK(limits.series_max == 2);
  CHECK(limits.points_max == 3);
  CHECK(limits.memory_bytes_max == 4);
  CHECK(limits.request_timeout == absl::Seconds(5));
  CHECK(limits.memory_name == "plumbagoctl tenant update acme --memory-bytes-per-query");
}

TEST_CASE("0 is no limit, and time has a bound in any case", "[limits]") {
  v1::Limits own;
  own.set_series_per_query(0);
  own.set_points_per_query(UINT64_MAX);
  own.set_seconds_per_query(0);
  const Limits limits = LimitsOfTenant(Limits(), "acme", own);
  CHECK(limits.series_max > 1'000'000'000);
  CHECK(limits.points_max > 1'000'000'000);
  CHECK(limits.request_timeout == absl::Hours(1));
}

}  // namespace
}  // namespace plumbago::query

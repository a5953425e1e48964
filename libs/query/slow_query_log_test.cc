// What a line says, and how many there are.
#include "query/slow_query_log.h"

#include <catch2/catch.hpp>

namespace plumbago::query {
namespace {

class Fixture {
 public:
  std::optional<std::string> Line(absl::Duration total) {
    QueryReport report;
    report.http_status = 200;
    report.total = total;
    report.waiting = absl::Milliseconds(3);
    report.phases = {absl::Milliseconds(4), absl::Milliseconds(5), absl::Milliseconds(6)};
    report.encoding = absl::Milliseconds(7);
    report.series_count = 8;
    return log.LineOf({.id = 1,
                       .tenant = "acme",
                       .endpoint = "render",
                       .text = "sum(\"a\")\nx",
                       .dashboard = "d1",
                       .client = "::1"},
                      report);
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  SlowQueryLog log{absl::Seconds(1), clock};
};

TEST_CASE("A slow query has a line with its phases; a fast one has none", "[slow_query_log]") {
  Fixture fixture;
  CHECK(fixture.Line(absl::Milliseconds(999)) == std::nullopt);
  CHECK(fixture.Line(absl::Seconds(1)) ==
        "slow query id=1 tenant=acme endpoint=render status=200 total_ms=1000 wait_ms=3 "
        "expand_ms=4 fetch_ms=5 evaluate_ms=6 encode_ms=7 series=8 points=0 bytes=0 "
        "dashboard=\"d1\" client=\"::1\" text=\"sum(\\\"a\\\")\\nx\"");
}

TEST_CASE("Lines are bounded, and the next one says how many were left out", "[slow_query_log]") {
  Fixture fixture;
  for (int i = 0; i < SlowQueryLog::kLinesMax; ++i) REQUIRE(fixture.Line(absl::Seconds(2)));
  CHECK_FALSE(fixture.Line(absl::Seconds(2)));
  CHECK_FALSE(fixture.Line(absl::Seconds(2)));
  fixture.clock.Advance(SlowQueryLog::kInterval);
  CHECK_THAT(fixture.Line(absl::Seconds(2)).value(), Catch::EndsWith(" left_out=2"));
  CHECK_THAT(fixture.Line(absl::Seconds(2)).value(), !Catch::Contains("left_out"));
}

}  // namespace
}  // namespace plumbago::query

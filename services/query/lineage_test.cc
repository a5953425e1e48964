// Lineages of series over two fake shards, whose layouts are two archives: 60 points of the series'
// step, and 100 of ten times that.
#include "lineage.h"

#include <catch2/catch.hpp>

#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

struct Fixture {
  Fixture() {
    FakeShard& shard = shards.shard("shard-0");
    for (const char* name : {"web.a", "web.b", "mem;dc=x;host=a", "mem;dc=x;host=b"}) {
      shard.stored[name].points[1010] = 1;
    }
    shard.stored["slow.a"].step = 60;
    shard.stored["slow.a"].points[1020] = 1;
  }

  // The lineages of the answer, one behind the other. The clock stands at 2000.
  std::string Of(const std::string& target, int64_t from = 1900) {
    const functions::TimeRange range{from, 2000};
    const auto answer = shards.engine.Render(shards.context, {.targets = {target}, .range = range});
    REQUIRE(answer.ok());
    const auto lineages = LineagesOf(shards.engine, shards.context, range, answer->series, notes);
    REQUIRE(lineages.ok());
    REQUIRE(lineages->size() == answer->series.size());
    std::string text;
    for (const Lineage& lineage : *lineages) {
      text += "(";
      for (const LineageEntry& one : lineage) {
        text += one.retentions + " " + std::to_string(one.archive_index) + "/" +
                std::to_string(one.archive_interval) + "*" + std::to_string(one.points_normalised) +
                " " + std::to_string(one.series_count) + ";";
      }
      text += ")";
    }
    return text;
  }

  TwoShards shards{Replicas::kTwo};
  AnswerNotes notes;
};

TEST_CASE("A series that is made of one stored series has its lineage", "[lineage]") {
  Fixture fixture;
  const std::string one = "(10s:10min,100s:10000s 0/10*1 1;)";
  CHECK(fixture.Of("web.a") == one);
  CHECK(fixture.Of("alias(scale(web.*,2),'x')") == one + one);
  CHECK(fixture.Of("seriesByTag('dc=x')") == one + one);
  CHECK(fixture.Of("constantLine(5)") == "()");
}

TEST_CASE("The archive that was read is the finest that reaches back far enough", "[lineage]") {
  Fixture fixture;
  CHECK(fixture.Of("web.a", 1400) == "(10s:10min,100s:10000s 0/10*1 1;)");
  CHECK(fixture.Of("web.a", 1399) == "(10s:10min,100s:10000s 1/100*1 1;)");
}

TEST_CASE("A series of several is made of groups that are alike", "[lineage]") {
  Fixture fixture;
  CHECK(fixture.Of("sumSeries(web.*)") == "(10s:10min,100s:10000s 0/10*1 2;)");
  CHECK(fixture.Of("sumSeries(web.*,slow.a)").find("0/10*6 2;") != std::string::npos);
  CHECK(fixture.Of("sumSeries(web.*,slow.a)").find("1min:1h,10min:1000min 0/60*1 1;") !=
        std::string::npos);
}

TEST_CASE("A shard that cannot be asked is noted once", "[lineage]") {
  Fixture fixture;
  functions::SeriesList list = {functions::MakeSeries("web.a", 1900, 2000, 10, {}),
                                functions::MakeSeries("web.*", 1900, 2000, 10, {})};
  fixture.shards.shard("shard-1").store_status = absl::UnavailableError("gone");
  const auto lineages =
      LineagesOf(fixture.shards.engine, fixture.shards.context, {1900, 2000}, list, fixture.notes);
  CHECK(lineages.ok());
}

TEST_CASE("A lineage is written as metrictank writes it", "[lineage]") {
  const Lineage lineage = {{.retentions = "1min:1d,10min:30d",
                            .archive_index = 1,
                            .archive_interval = 600,
                            .points_normalised = 2,
                            .aggregation_method = "sum",
                            .series_count = 3}};
  CHECK(LineageJson(lineage, 1, functions::Consolidation::kMaximum) ==
        R"([{"schema-name":"","schema-retentions":"1min:1d,10min:30d","archive-read":1,)"
        R"("archive-interval":600,"aggnum-norm":2,"consolidator-normfetch":"SumConsolidator",)"
        R"("aggnum-rc":0,"consolidator-rc":"NoneConsolidator","count":3}])");
  CHECK(LineageJson(lineage, 5, functions::Consolidation::kMaximum)
            .find(R"("aggnum-rc":5,"consolidator-rc":"MaximumConsolidator")") != std::string::npos);
  CHECK(LineageJson({}, 5, functions::Consolidation::kSum) == "[]");
}

}  // namespace
}  // namespace plumbago::query

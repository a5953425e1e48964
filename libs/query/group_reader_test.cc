// With reductions on the shards a query answers as without: over random series on two shards, with
// nulls, mixed retentions, hot and late points, unreadable files and failing replicas, for targets
// that reduce and some around them. And what is read whole is read so for the right reason.
#include "query/group_reader.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

constexpr int64_t kFrom = 1000;
constexpr int64_t kUntil = 2000;

constexpr const char* kTargets[] = {
    "sumSeries(web.*)",
    "averageSeries(web.*)",
    "minSeries(web.*)",
    "maxSeries(web.*)",
    "rangeOfSeries(web.*)",
    "stddevSeries(web.*)",
    "countSeries(web.*)",
    "diffSeries(web.*)",
    "aggregate(web.*,'count')",
    "aggregate(web.*,'last',0.5)",
    "aggregate(web.*,'avg_zero')",
    "aggregate(web.*,'median')",
    "sumSeries(web.*,web.a*)",
    "groupByNode(web.*,1,'sum')",
    "groupByNode(web.*,1,'averageSeries')",
    "groupByNode(web.*,2,'median')",
    "groupByNodes(web.*,'max',1,2)",
    "groupByTags(web.*,'range','name')",
    "sumSeriesWithWildcards(web.*,1)",
    "averageSeriesWithWildcards(web.*,2)",
    "aggregateWithWildcards(web.*,'last',2)",
    "alias(sumSeries(web.*),'all')",
    "movingAverage(groupByNode(web.*,1,'sum'),3)",
    "asPercent(web.*,sumSeries(web.*))",
    "divideSeries(sumSeries(web.a*),sumSeries(web.*))",
    "summarize(maxSeries(web.*),'1min','max')",
    "timeShift(sumSeries(web.*),'2min')",
};

Limits LimitsFrom(size_t reduced_series_min) {
  Limits limits;
  limits.reduced_series_min = reduced_series_min;
  return limits;
}

struct World {
  explicit World(Replicas count) : replicas(count), shards(count) {}

  absl::StatusOr<RenderAnswer> Render(const std::string& target, size_t reduced_series_min) {
    const Engine engine(LimitsFrom(reduced_series_min), shards.functions, shards.clients,
                        shards.clock);
    RenderRequest request;
    request.targets = {target};
    request.range = {kFrom, kUntil};
    return engine.Render(shards.context, request);
  }

  std::vector<FakeShard*> OwnersOf(const std::string& metric) {
    if (replicas == Replicas::kTwo) return {&shards.shard("shard-0"), &shards.shard("shard-1")};
    const bool is_low = topology::SlotOf("t", metric) < topology::kSlotCount / 2;
    return {&shards.shard(is_low ? "shard-0" : "shard-1")};
  }

  void Add(const std::string& metric, const FakeShard::Stored& stored,
           const std::vector<std::pair<uint32_t, double>>& hot) {
    for (FakeShard* shard : OwnersOf(metric)) {
      shard->stored[metric] = stored;
      if (!hot.empty()) shard->hot[metric] = hot;
    }
  }

  // `count` series of the same retention, with all points stored, and one a few seconds ago hot.
  void AddPlain(int count) {
    for (int i = 0; i < count; ++i) {
      FakeShard::Stored stored;
      for (int64_t time = 0; time < kUntil - 20; time += 10) stored.points[time] = i;
      Add(absl::StrCat("web.a", i, ".m"), stored, {{kUntil - 20, i}});
    }
  }

  const Replicas replicas;
  TwoShards shards;
};

double Share(std::mt19937& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

FakeShard::Stored RandomStored(std::mt19937& random, double mixed_share) {
  constexpr const char* kMethods[] = {"average", "sum", "max", "last"};
  FakeShard::Stored stored;
  stored.finest_step = 10;
  if (Share(random) < mixed_share) {
    stored.step = Share(random) < 0.5 ? 20 : 30;
    stored.finest_step = Share(random) < 0.5 ? 10 : stored.step;
    stored.method = kMethods[random() % 4];
  }
  const double null_share = Share(random);
  for (int64_t time = 0; time <= kUntil; time += stored.step) {
    if (Share(random) >= null_share) stored.points[time] = static_cast<double>(random() % 1000);
  }
  return stored;
}

std::vector<std::pair<uint32_t, double>> RandomHot(std::mt19937& random, double late_share) {
  std::vector<std::pair<uint32_t, double>> hot;
  if (Share(random) < 0.3) return hot;
  for (uint32_t time = kUntil - 30; time <= kUntil + 10; time += 10) {
    if (Share(random) < 0.7) hot.emplace_back(time + random() % 10, random() % 1000);
  }
  if (Share(random) < late_share) hot.emplace_back(random() % kUntil, random() % 1000);
  return hot;
}

void AddRandom(std::mt19937& random, World& world) {
  const double mixed_share = Share(random) < 0.6 ? 0 : 0.1;
  const double late_share = Share(random) < 0.5 ? 0 : 0.05;
  const int count = 1 + static_cast<int>(random() % 60);
  for (int i = 0; i < count; ++i) {
    FakeShard::Stored stored = RandomStored(random, mixed_share);
    if (Share(random) < 0.002) stored.error = "damaged";
    const std::string metric = absl::StrCat("web.", i % 3 == 0 ? "a" : "b", i % 4, ".m", i);
    world.Add(metric, stored, RandomHot(random, late_share));
  }
  FakeShard& shard = world.shards.shard(Share(random) < 0.5 ? "shard-0" : "shard-1");
  if (Share(random) < 0.1) shard.cache_status = absl::UnavailableError("cache");
  if (world.replicas == Replicas::kTwo) {
    if (Share(random) < 0.5) shard.reduce_status = absl::UnavailableError("store");
    if (Share(random) < 0.2) shard.is_usable = false;
  }
}

bool AreNear(const functions::Column& a, const functions::Column& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return false;
    const double bound = 1e-9 * std::max({std::fabs(a[i]), std::fabs(b[i]), 1e-3});
    if (!std::isnan(a[i]) && std::fabs(a[i] - b[i]) > bound) return false;
  }
  return true;
}

void CheckSame(const RenderAnswer& whole, const RenderAnswer& reduced) {
  REQUIRE(reduced.series.size() == whole.series.size());
  for (size_t i = 0; i < whole.series.size(); ++i) {
    const functions::Series& a = whole.series[i];
    const functions::Series& b = reduced.series[i];
    CAPTURE(a.name);
    CHECK(b.name == a.name);
    CHECK(b.path_expression == a.path_expression);
    CHECK(b.tags == a.tags);
    CHECK(b.start == a.start);
    CHECK(b.end == a.end);
    CHECK(b.step == a.step);
    CHECK(b.has_integer_values == a.has_integer_values);
    CHECK(b.x_files_factor == a.x_files_factor);
    REQUIRE(AreNear(a.values, b.values));
  }
  CHECK(reduced.notes.missing_shards.size() == whole.notes.missing_shards.size());
}

constexpr size_t kNever = std::numeric_limits<size_t>::max();

ReductionCounts CountsOf(World& world, const std::string& target = "sumSeries(web.*)") {
  const auto answer = world.Render(target, 1);
  REQUIRE(answer.ok());
  return answer->notes.reductions;
}

}  // namespace

TEST_CASE("Reductions on shards change no answer", "[group_reader]") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  ReductionCounts counts;
  for (int turn = 0; turn < 60; ++turn) {
    World world(turn % 3 == 0 ? Replicas::kTwo : Replicas::kOne);
    AddRandom(random, world);
    for (const char* target : kTargets) {
      CAPTURE(turn, target);
      const auto whole = world.Render(target, kNever);
      const auto reduced = world.Render(target, 1);
      REQUIRE(whole.status() == reduced.status());
      if (!whole.ok()) continue;
      CheckSame(*whole, *reduced);
      CHECK(whole->notes.reductions.reduced_groups == 0);
      counts.reduced_groups += reduced->notes.reductions.reduced_groups;
      for (const auto& [reason, count] : reduced->notes.reductions.whole_groups) {
        counts.whole_groups[reason] += count;
      }
    }
  }
  CHECK(counts.reduced_groups > 0);
  CHECK(counts.whole_groups["mixed_grids"] > 0);
  CHECK(counts.whole_groups["failed_shard"] > 0);
  CHECK(counts.whole_groups["malformed_answer"] == 0);
}

TEST_CASE("A reduced group is asked of the shards once, and its series are not fetched",
          "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  const auto answer = world.Render("sumSeries(web.*)", 40);
  REQUIRE(answer.ok());
  CHECK(answer->notes.reductions.reduced_groups == 1);
  CHECK(answer->notes.reductions.whole_groups.empty());
  CHECK(answer->notes.series_count == 40);
  CHECK(answer->notes.point_count == 40 * 100);
  for (const char* id : {"shard-0", "shard-1"}) {
    std::vector<std::string>& calls = world.shards.shard(id).calls;
    REQUIRE(calls.size() == 3);
    CHECK(calls[0] == "find t web.*");
    CHECK(calls[1].starts_with("hot "));
    CHECK(calls[2] == "reduce 1");
  }
}

TEST_CASE("Fewer series than the least number are fetched", "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(39);
  const auto answer = world.Render("sumSeries(web.*)", 40);
  REQUIRE(answer.ok());
  CHECK(answer->notes.reductions.reduced_groups == 0);
  CHECK(world.shards.shard("shard-0").calls.size() == 3);  // find, fetch, hot
}

TEST_CASE("A series that another target shows is fetched, and not reduced as well",
          "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  const Engine engine(LimitsFrom(1), world.shards.functions, world.shards.clients,
                      world.shards.clock);
  RenderRequest request;
  request.targets = {"sumSeries(web.*)", "web.*"};
  request.range = {kFrom, kUntil};
  const auto answer = engine.Render(world.shards.context, request);
  REQUIRE(answer.ok());
  CHECK(answer->series.size() == 41);
  CHECK(answer->notes.reductions.reduced_groups == 0);
}

TEST_CASE("Groups are read whole for a reason that is counted", "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  const std::string some = "web.a7.m";
  const auto reasons = [&world] { return CountsOf(world).whole_groups; };
  using Reasons = std::map<std::string, size_t>;

  SECTION("a group each for most series") {
    CHECK(CountsOf(world, "groupByNode(web.*,1,'sum')").whole_groups ==
          Reasons{{"small_groups", 40}});
  }
  SECTION("another step") {
    for (FakeShard* shard : world.OwnersOf(some)) shard->stored[some].step = 20;
    CHECK(reasons() == Reasons{{"mixed_grids", 1}});
  }
  SECTION("an unreadable file") {
    for (FakeShard* shard : world.OwnersOf(some)) shard->stored[some].error = "damaged";
    CHECK(reasons() == Reasons{{"unreadable", 1}});
  }
  SECTION("hot points all over the range") {
    for (const char* id : {"shard-0", "shard-1"}) {
      for (auto& [metric, hot] : world.shards.shard(id).hot) hot[0].first = kFrom + 100;
    }
    CHECK(reasons() == Reasons{{"hot_points", 1}});
  }
  SECTION("a copy on a shard that does not own it") {
    for (const char* id : {"shard-0", "shard-1"}) world.shards.shard(id).stored[some];
    CHECK(reasons() == Reasons{{"copies", 1}});
  }
}

TEST_CASE("A shard without replicas that fails to reduce is missing", "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  world.shards.shard("shard-1").reduce_status = absl::UnavailableError("gone");
  const auto answer = world.Render("sumSeries(web.*)", 1);
  REQUIRE(answer.ok());
  REQUIRE(answer->notes.missing_shards.size() == 1);
  CHECK(answer->notes.missing_shards[0].id == "shard-1");
  CHECK(answer->notes.series_count == world.shards.shard("shard-0").stored.size());
}

TEST_CASE("A store that does not know reductions is asked for the series", "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  world.shards.shard("shard-1").reduce_status = absl::UnimplementedError("older");
  const auto answer = world.Render("sumSeries(web.*)", 1);
  REQUIRE(answer.ok());
  CHECK(answer->notes.missing_shards.empty());
  CHECK(answer->notes.reductions.whole_groups.at("failed_shard") == 1);
  CHECK(answer->series[0].values[0] == 39 * 40 / 2);
}

TEST_CASE("A shard that is slow to reduce is given up for its replicas, within the budget",
          "[group_reader]") {
  World world(Replicas::kTwo);
  world.AddPlain(40);
  for (const char* id : {"shard-0", "shard-1"}) {
    world.shards.shard(id).usual_time = absl::ZeroDuration();
  }
  world.shards.shard("shard-0").is_silent_to_reductions = true;
  world.shards.clients.hedges = 1;
  const auto answer = world.Render("sumSeries(web.*)", 1);
  REQUIRE(answer.ok());
  CHECK(answer->notes.missing_shards.empty());
  CHECK(answer->notes.reductions.whole_groups.at("slow_shard") == 1);
  CHECK(answer->series[0].values[0] == 39 * 40 / 2);
  CHECK(world.shards.clients.hedges == 0);
}

TEST_CASE("Reduced points count for the limit of points", "[group_reader]") {
  World world(Replicas::kOne);
  world.AddPlain(40);
  Limits limits = LimitsFrom(1);
  RenderRequest request;
  request.targets = {"sumSeries(web.*)"};
  request.range = {kFrom, kUntil};
  limits.points_max = 40 * 100;
  CHECK(Engine(limits, world.shards.functions, world.shards.clients, world.shards.clock)
            .Render(world.shards.context, request)
            .ok());
  limits.points_max = 40 * 100 - 1;
  const auto answer =
      Engine(limits, world.shards.functions, world.shards.clients, world.shards.clock)
          .Render(world.shards.context, request);
  CHECK(absl::IsResourceExhausted(answer.status()));
}

}  // namespace plumbago::query

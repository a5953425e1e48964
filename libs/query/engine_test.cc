// Queries over two and three fake shards: who is asked for what, how answers are merged, and what
// is said when shards fail.
#include "query/engine.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "base/clock.h"
#include "functions/text.h"
#include "query/result_cache.h"
#include "query/testing/fake_shards.h"

namespace plumbago::query {
namespace {

// Range (1000, 1030]: points at 1010, 1020, 1030.
class Fixture {
 public:
  // Slots are cut into as many equal ranges as there are shards; each replica set begins with the
  // shard of its range.
  explicit Fixture(int shard_count, int replica_count = 1) {
    v1::TopologySnapshot topology;
    topology.set_epoch(7);
    const uint32_t width = topology::kSlotCount / static_cast<uint32_t>(shard_count);
    for (int i = 0; i < shard_count; ++i) {
      auto* shard = topology.add_shard();
      shard->set_id(absl::StrCat("shard-", i));
      shard->set_cache_address("c");
      shard->set_store_address("s");
      shard->set_state(v1::Shard::ACTIVE);
      auto* range = topology.add_slots();
      const bool is_last = i + 1 == shard_count;
      range->set_first(static_cast<uint32_t>(i) * width);
      range->set_last(is_last ? topology::kSlotCount - 1 : range->first() + width - 1);
      for (int replica = 0; replica < replica_count; ++replica) {
        range->add_shard(absl::StrCat("shard-", (i + replica) % shard_count));
      }
      clients.shards[shard->id()] = std::make_shared<FakeShard>();
    }
    SetTopology(topology);
  }

  void SetTopology(const v1::TopologySnapshot& topology) {
    proto = topology;
    context.slot_map = *topology::SlotMap::FromProto(topology);
    context.tenant = "default";
    context.now = 2000;
    context.deadline = clock.Now() + absl::Seconds(20);
  }

  FakeShard& shard(int index) { return *clients.shards.at(absl::StrCat("shard-", index)); }
  int OwnerOf(const std::string& metric) const {
    return context.slot_map->ReplicasOf(topology::SlotOf("default", metric))[0];
  }
  void Store(int index, const std::string& metric, std::map<int64_t, double> points) {
    shard(index).stored[metric].points = std::move(points);
  }

  absl::StatusOr<RenderAnswer> Run(const std::vector<std::string>& targets) {
    const Engine engine(limits, functions, clients, clock);
    return engine.Render(context, {.targets = targets, .range = {1000, 1030}});
  }

  std::string Render(const std::vector<std::string>& targets) {
    const auto answer = Run(targets);
    if (!answer.ok()) return std::string(answer.status().message());
    std::string text;
    for (const auto& series : answer->series) {
      text += (text.empty() ? "" : "; ") + series.name + ":";
      for (const double value : series.values) text += " " + functions::PythonFloat(value);
    }
    if (!answer->notes.missing_shards.empty()) {
      text += " | missing " + DescribeMissing(answer->notes.missing_shards);
    }
    for (const std::string& warning : answer->notes.warnings) text += " | " + warning;
    return text;
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(2000)};
  v1::TopologySnapshot proto;
  RequestContext context;
  Limits limits;
  FakeShards clients;
  functions::FunctionTable functions = functions::MakeBuiltinFunctions();
};

TEST_CASE("Patterns are asked of all shards and series come ordered by name", "[engine]") {
  Fixture fixture(2);
  fixture.Store(fixture.OwnerOf("web.b"), "web.b", {{1010, 1}, {1030, 3}});
  fixture.Store(fixture.OwnerOf("web.a"), "web.a", {{1020, 2}});
  CHECK(fixture.Render({"web.*"}) == "web.a: nan 2.0 nan; web.b: 1.0 nan 3.0");
  CHECK(fixture.shard(0).calls[0] == "find default web.*");
  CHECK(fixture.shard(1).calls[0] == "find default web.*");
}

TEST_CASE("An exact name is asked of its owner only", "[engine]") {
  Fixture fixture(3);
  const int owner = fixture.OwnerOf("one");
  fixture.Store(owner, "one", {{1010, 1}});
  CHECK(fixture.Render({"one"}) == "one: 1.0 nan nan");
  CHECK(fixture.shard(owner).calls == std::vector<std::string>{"fetch one", "hot one"});
  CHECK(fixture.shard((owner + 1) % 3).calls.empty());
  CHECK(fixture.shard((owner + 2) % 3).calls.empty());
}

TEST_CASE("Hot points are merged over stored ones", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1010, 1}, {1020, 2}});
  fixture.shard(0).hot["one"] = {{1021, 5}, {1033, 6}, {1029, 7}, {1043, 8}};
  CHECK(fixture.Render({"one"}) == "one: 1.0 7.0 6.0");
}

TEST_CASE("A file on a shard that does not own its slot is found by pattern", "[engine]") {
  Fixture fixture(2);
  const int owner = fixture.OwnerOf("web.x");
  fixture.Store(1 - owner, "web.x", {{1010, 1}});
  fixture.shard(owner).hot["web.x"] = {{1020, 2}};
  CHECK(fixture.Render({"web.*"}) == "web.x: 1.0 2.0 nan");
}

TEST_CASE("Replicas of a series fill each other's gaps where all are read", "[engine]") {
  Fixture fixture(2, 2);
  fixture.limits.replica_reads = ReplicaReads::kAll;
  fixture.Store(0, "one", {{1010, 1}});
  fixture.Store(1, "one", {{1030, 3}});
  CHECK(fixture.Render({"one"}) == "one: 1.0 nan 3.0");
}

TEST_CASE("seriesByTag asks all shards for tagged series and reads them", "[engine]") {
  Fixture fixture(2);
  const std::string a = "cpu;dc=b;host=a";
  const std::string c = "cpu;dc=b;host=c";
  fixture.Store(fixture.OwnerOf(a), a, {{1010, 1}});
  fixture.Store(fixture.OwnerOf(c), c, {{1020, 2}});
  fixture.Store(0, "cpu;dc=x;host=d", {{1020, 9}});
  fixture.shard(fixture.OwnerOf(a)).hot[a] = {{1030, 5}};
  CHECK(fixture.Render({"seriesByTag('dc=b')"}) == a + ": 1.0 nan 5.0; " + c + ": nan 2.0 nan");
  for (int i : {0, 1}) CHECK(fixture.shard(i).calls[0] == "tagged dc=b");
  CHECK(fixture.Render({"aliasByTags(seriesByTag('dc=b', \"host=c\"), 'name', 'host')"}) ==
        "cpu.c: nan 2.0 nan");
  CHECK(fixture.Render({"groupByTags(seriesByTag('dc=b'), 'sum', 'dc')"}) ==
        "cpu;dc=b: 1.0 2.0 5.0");
  CHECK(fixture.Render({"seriesByTag('dc=b') | sumSeries() | scale(2)"}) ==
        "scale(sumSeries(seriesByTag('dc=b')),2): 2.0 4.0 10.0");
  CHECK(fixture.Render({"seriesByTag('dc=nowhere')"}) == "");
  CHECK(fixture.Render({"sumSeries(seriesByTag('dc=nowhere'))"}) == "");
}

TEST_CASE("A tag expression that is none is refused with its position", "[engine]") {
  Fixture fixture(1);
  const auto check = [&](const std::string& target, const std::string& message) {
    CAPTURE(target);
    const auto answer = fixture.Run({target});
    CHECK(absl::IsInvalidArgument(answer.status()));
    CHECK_THAT(std::string(answer.status().message()), Catch::Contains(message));
  };
  check("scale(seriesByTag('a=b','oops'), 2)", "at position 24");
  check("seriesByTag('a=~(')", "malformed regex");
  check("seriesByTag('a!=b')", "must not match the empty value");
  check("sum(seriesByTag('a=b'), seriesByTag('c='))", "at position 24");
  check("seriesByTag()", "tagExpressions");
  CHECK(fixture.shard(0).calls.empty());
}

TEST_CASE("One replica is read, and the next one where it fails", "[engine]") {
  Fixture fixture(2, 2);
  fixture.Store(0, "one", {{1010, 1}});
  fixture.Store(1, "one", {{1010, 1}});
  const int owner = fixture.OwnerOf("one");
  CHECK(fixture.Render({"one"}) == "one: 1.0 nan nan");
  CHECK(fixture.shard(owner).calls.size() == 2);
  CHECK(fixture.shard(1 - owner).calls.empty());
  fixture.shard(owner).cache_status = absl::UnavailableError("gone");
  CHECK(fixture.Render({"one"}) == "one: 1.0 nan nan");
  CHECK(fixture.shard(1 - owner).calls == std::vector<std::string>{"fetch one", "hot one"});
  fixture.shard(1 - owner).store_status = absl::UnavailableError("gone");
  CHECK_THAT(fixture.Render({"one"}), Catch::Contains("| missing shard-0"));
}

TEST_CASE("The next replica is asked where one fails later on", "[engine]") {
  Fixture fixture(2, 2);
  base::SystemClock clock;
  fixture.Store(0, "one", {{1010, 1}});
  fixture.Store(1, "one", {{1010, 1}});
  FakeShard& owner = fixture.shard(fixture.OwnerOf("one"));
  owner.store_status = absl::UnavailableError("gone");
  owner.deferred_max = 2;  // the calls to store and cache
  std::thread later([&owner] { owner.AnswerDeferred(); });
  fixture.context.deadline = clock.Now() + absl::Seconds(20);
  const Engine engine(fixture.limits, fixture.functions, fixture.clients, clock);
  const auto answer = engine.Render(fixture.context, {.targets = {"one"}, .range = {1000, 1030}});
  later.join();
  REQUIRE(answer.ok());
  CHECK(answer->series.size() == 1);
  CHECK(answer->notes.missing_shards.empty());
}

TEST_CASE("A replica without the series is asked last", "[engine]") {
  Fixture fixture(2, 2);
  const int owner = fixture.OwnerOf("web.x");
  fixture.Store(1 - owner, "web.x", {{1010, 1}});
  CHECK(fixture.Render({"web.*"}) == "web.x: 1.0 nan nan");
  CHECK(fixture.shard(owner).calls.size() == 1);  // find
}

TEST_CASE("A slow replica is overtaken by the next one within the budget", "[engine]") {
  Fixture fixture(2, 2);
  base::SystemClock clock;
  fixture.Store(0, "one", {{1010, 1}});
  fixture.Store(1, "one", {{1010, 1}});
  const int owner = fixture.OwnerOf("one");
  fixture.shard(owner).is_silent = true;
  fixture.shard(owner).usual_time = absl::Milliseconds(1);
  fixture.context.deadline = clock.Now() + absl::Seconds(20);
  fixture.limits.shard_timeout = absl::Milliseconds(50);
  const Engine engine(fixture.limits, fixture.functions, fixture.clients, clock);
  const auto render = [&] {
    return engine.Render(fixture.context, {.targets = {"one"}, .range = {1000, 1030}});
  };
  fixture.clients.hedges = 1;
  const auto hedged = render();
  REQUIRE(hedged.ok());
  CHECK(hedged->series.size() == 1);
  CHECK(hedged->notes.missing_shards.empty());
  CHECK(fixture.clients.hedges == 0);
  for (int i = 0; i < 2; ++i) {
    if (!fixture.shard(i).is_silent) continue;
    CHECK(fixture.shard(i).fetch_cancellation->IsCancelled());  // it has lost
  }
  const auto without = render();
  CHECK(absl::IsUnavailable(without.status()));
}

TEST_CASE("A pattern does not wait for a shard whose slots others have answered for", "[engine]") {
  Fixture fixture(3, 2);
  base::SystemClock clock;
  for (int i = 0; i < 3; ++i) {
    fixture.Store(i, "web.a", {{1010, 1}});
    fixture.shard(i).usual_time = absl::Milliseconds(1);
  }
  fixture.shard(1).is_silent = true;
  fixture.clients.hedges = 1;
  fixture.limits.shard_timeout = absl::Seconds(10);
  fixture.context.deadline = clock.Now() + absl::Seconds(20);
  const Engine engine(fixture.limits, fixture.functions, fixture.clients, clock);
  const absl::Time begin = clock.Now();
  const auto answer = engine.Render(fixture.context, {.targets = {"web.*"}, .range = {1000, 1030}});
  REQUIRE(answer.ok());
  CHECK(answer->series.size() == 1);
  CHECK(answer->notes.missing_shards.empty());
  CHECK(clock.Now() - begin < absl::Seconds(10));  // not the deadline
}

TEST_CASE("A shard whose breaker is open is asked after its replicas", "[engine]") {
  Fixture fixture(2, 2);
  fixture.Store(0, "one", {{1010, 1}});
  fixture.Store(1, "one", {{1010, 1}});
  const int owner = fixture.OwnerOf("one");
  fixture.shard(owner).is_usable = false;
  CHECK(fixture.Render({"one"}) == "one: 1.0 nan nan");
  CHECK(fixture.shard(owner).calls.empty());
}

TEST_CASE("A cancelled request ends", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1010, 1}});
  fixture.context.cancellation = std::make_shared<base::Cancellation>();
  CHECK(fixture.Run({"one"}).ok());
  fixture.context.cancellation->Cancel();
  CHECK(absl::IsCancelled(fixture.Run({"one"}).status()));
}

TEST_CASE("Targets are evaluated in their order, blank ones skipped", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1010, 1}});
  CHECK(fixture.Render({"scale(one,3)", " ", "one", "alias(sumSeries(one,one),'s')"}) ==
        "scale(one,3): 3.0 nan nan; one: 1.0 nan nan; s: 2.0 nan nan");
  // One fetch serves all of them.
  CHECK(fixture.shard(0).calls == std::vector<std::string>{"fetch one", "hot one"});
}

TEST_CASE("A pattern in two ranges is expanded once", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "web.a", {{1010, 1}, {1000, 7}});
  CHECK(fixture.Render({"web.*", "timeShift(web.*,'10s')"}) ==
        "web.a: 1.0 nan nan; timeShift(web.a, \"-10s\"): 7.0 1.0 nan");
  CHECK(fixture.shard(0).calls == std::vector<std::string>{"find default web.*", "fetch web.a",
                                                           "hot web.a", "fetch web.a",
                                                           "hot web.a"});
}

TEST_CASE("A window counted in points is fetched at once where series have one step", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1000, 1}, {1010, 3}, {1020, 5}});
  fixture.shard(0).hot["one"] = {{1030, 7}, {990, 100}};
  CHECK(fixture.Render({"movingAverage(one,2)"}) == "movingAverage(one,2): 2.0 4.0 6.0");
  CHECK(fixture.shard(0).calls == std::vector<std::string>{"fetch one", "hot one"});
  CHECK(fixture.Render({"movingAverage(nothing.*,2)"}) == "");
}

TEST_CASE("A window counted in points takes one more round where steps differ or are not told",
          "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "web.a", {{1000, 1}, {1010, 3}, {1020, 5}, {1030, 7}});
  CHECK(fixture.Render({"movingAverage(web.*,2)"}) == "movingAverage(web.a,2): 2.0 4.0 6.0");
  CHECK(fixture.shard(0).calls.size() == 3);
  fixture.shard(0).stored["web.a"].looks_back = false;
  CHECK(fixture.Render({"movingAverage(web.*,2)"}) == "movingAverage(web.a,2): 2.0 4.0 6.0");
  CHECK(fixture.shard(0).calls.size() == 3 + 5);
  fixture.shard(0).stored["web.a"].looks_back = true;
  fixture.shard(0).stored["web.b"] = {.step = 5, .points = {{1000, 1}, {1005, 1}}};
  // The fast one reaches back two steps of the slow one, too.
  CHECK(fixture.Render({"movingAverage(web.*,2)"}) ==
        "movingAverage(web.a,2): 2.0 4.0 6.0; "
        "movingAverage(web.b,2): nan 1.0 1.0 1.0 nan nan nan nan");
}

TEST_CASE("Series with the points before them are kept for the next request", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1000, 1}, {1010, 3}, {1020, 5}, {1030, 7}});
  ResultCache cache(1 << 20, fixture.clock);
  fixture.context.fetch_cache = &cache;
  fixture.context.cache_time = absl::Seconds(10);
  CHECK(fixture.Render({"movingAverage(one,2)"}) == "movingAverage(one,2): 2.0 4.0 6.0");
  const size_t call_count = fixture.shard(0).calls.size();
  CHECK(fixture.Render({"movingSum(one,2)"}) == "movingSum(one,2): 4.0 8.0 12.0");
  CHECK(fixture.shard(0).calls.size() == call_count);
  CHECK(fixture.Render({"movingAverage(one,1)"}) == "movingAverage(one,1): 3.0 5.0 7.0");
  CHECK(fixture.shard(0).calls.size() == call_count + 2);
}

TEST_CASE("Too many nested windows end with advice", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1010, 3}});
  std::string target = "one";
  for (int i = 0; i < 20; ++i) target = "movingAverage(" + target + ",2)";
  CHECK_THAT(fixture.Render({target}), Catch::Contains("give windows as intervals"));
}

TEST_CASE("A shard that fails makes the answer partial and is named", "[engine]") {
  Fixture fixture(2);
  fixture.Store(0, "web.a", {{1010, 1}});
  fixture.shard(0).hot["web.a"] = {};
  fixture.shard(1).store_status = absl::UnavailableError("gone");
  CHECK(fixture.Render({"web.*"}) == "web.a: 1.0 nan nan | missing shard-1 (unavailable in find)");
}

TEST_CASE("A cache that fails is named too, what is stored is served", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "one", {{1010, 1}});
  fixture.shard(0).cache_status = absl::UnavailableError("gone");
  CHECK(fixture.Render({"one"}) ==
        "one: 1.0 nan nan | missing shard-0 (unavailable in cache read)");
}

TEST_CASE("A replica makes up for a shard that fails", "[engine]") {
  Fixture fixture(2, 2);
  fixture.Store(0, "web.a", {{1010, 1}});
  fixture.shard(1).store_status = absl::UnavailableError("gone");
  CHECK(fixture.Render({"web.*"}) == "web.a: 1.0 nan nan");
}

TEST_CASE("An excluded shard is not asked, and missed", "[engine]") {
  Fixture fixture(2);
  fixture.Store(0, "web.a", {{1010, 1}});
  auto topology = fixture.proto;
  topology.mutable_shard(1)->set_state(v1::Shard::EXCLUDED);
  fixture.SetTopology(topology);
  CHECK(fixture.Render({"web.*"}) == "web.a: 1.0 nan nan | missing shard-1 (excluded)");
  CHECK(fixture.shard(1).calls.empty());
}

TEST_CASE("Without any answering shard there is no answer", "[engine]") {
  Fixture fixture(2);
  fixture.shard(0).store_status = absl::UnavailableError("gone");
  fixture.shard(1).store_status = absl::DeadlineExceededError("slow");
  const auto answer = fixture.Run({"web.*"});
  CHECK(absl::IsUnavailable(answer.status()));
  CHECK(answer.status().message() ==
        "no shard answered: shard-0 (unavailable in find), shard-1 (deadline exceeded in find)");
}

TEST_CASE("A shard that never answers counts as too slow after its deadline", "[engine]") {
  Fixture fixture(2);
  base::SystemClock clock;
  fixture.Store(0, "web.a", {{1010, 1}});
  fixture.shard(1).is_silent = true;
  fixture.limits.shard_timeout = absl::Milliseconds(20);
  fixture.context.deadline = clock.Now() + absl::Seconds(20);
  const Engine engine(fixture.limits, fixture.functions, fixture.clients, clock);
  const auto answer = engine.Find(fixture.context, "web.*");
  REQUIRE(answer.ok());
  CHECK(answer->nodes.size() == 1);
  CHECK(DescribeMissing(answer->notes.missing_shards) == "shard-1 (deadline exceeded in find)");
}

TEST_CASE("A series that cannot be read is a warning, others are served", "[engine]") {
  Fixture fixture(1);
  fixture.Store(0, "web.a", {{1010, 1}});
  fixture.shard(0).stored["web.b"].error = "header: damaged";
  CHECK(fixture.Render({"web.*"}) == "web.a: 1.0 nan nan | web.b: header: damaged");
}

TEST_CASE("Functions without series need no shard, all else needs a topology", "[engine]") {
  Fixture fixture(1);
  fixture.context.slot_map = nullptr;
  CHECK(fixture.Render({"constantLine(100)"}) == "100.0: 100.0 100.0 100.0");
  CHECK(absl::IsUnavailable(fixture.Run({"one"}).status()));
}

TEST_CASE("Mistakes in targets are InvalidArgument with the target", "[engine]") {
  Fixture fixture(1);
  const auto answer = fixture.Run({"one", "scale(one,'x')"});
  CHECK(absl::IsInvalidArgument(answer.status()));
  CHECK(
      answer.status().message() ==
      "target \"scale(one,\\'x\\')\": scale() needs a number as its parameter \"factor\", not the "
      "string \"x\", at position 10");
  CHECK(fixture.shard(0).calls.empty());
}

TEST_CASE("Limits are obeyed exactly and name their flag", "[engine]") {
  Fixture fixture(1);
  for (int i = 0; i < 4; ++i) fixture.Store(0, absl::StrCat("web.", i), {{1010, 1}});
  const auto check = [&](auto& limit, int64_t enough, const std::vector<std::string>& targets,
                         const std::string& flag) {
    CAPTURE(flag);
    const auto before = limit;
    limit = static_cast<std::remove_reference_t<decltype(limit)>>(enough);
    CHECK(fixture.Run(targets).ok());
    limit = static_cast<std::remove_reference_t<decltype(limit)>>(enough - 1);
    const auto answer = fixture.Run(targets);
    CHECK(absl::IsResourceExhausted(answer.status()));
    CHECK_THAT(std::string(answer.status().message()), Catch::Contains(flag));
    limit = before;
  };
  check(fixture.limits.targets_max, 3, {"a", "b", "c"}, "--targets-max");
  check(fixture.limits.target_bytes_max, 5, {"web.1"}, "--target-bytes-max");
  check(fixture.limits.fetches_max, 2, {"a", "b", "a"}, "--fetches-per-query-max");
  check(fixture.limits.series_max, 4, {"web.*"}, "--series-per-query-max");
  check(fixture.limits.points_max, 12, {"web.*"}, "--points-per-query-max");
  // 12 points are read, and each target gives as many.
  check(fixture.limits.memory_bytes_max, 24 * 8, {"web.*", "scale(web.*,2)"}, "--query-memory-max");
}

TEST_CASE("A request that took too long ends", "[engine]") {
  Fixture fixture(1);
  fixture.context.deadline = fixture.clock.Now() - absl::Seconds(1);
  CHECK(absl::IsDeadlineExceeded(fixture.Run({"scale(one,1)"}).status()));
}

TEST_CASE("Find and list give the union of the shards, each node once", "[engine]") {
  Fixture fixture(2);
  for (int shard : {0, 1}) fixture.Store(shard, "web.both", {});
  fixture.Store(0, "web.a", {});
  fixture.Store(1, "web.b", {});
  const Engine engine(fixture.limits, fixture.functions, fixture.clients, fixture.clock);
  const auto found = engine.Find(fixture.context, "web.*");
  REQUIRE(found.ok());
  std::string paths;
  for (const FoundNode& node : found->nodes) paths += node.path + " ";
  CHECK(paths == "web.a web.b web.both ");
  const auto listed = engine.List(fixture.context);
  REQUIRE(listed.ok());
  CHECK(listed->names == std::vector<std::string>{"web.a", "web.b", "web.both"});
}

}  // namespace
}  // namespace plumbago::query

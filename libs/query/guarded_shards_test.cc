// The layer of breakers, latencies and hedges over fake shards.
#include "query/guarded_shards.h"

#include <catch2/catch.hpp>

#include "query/testing/fake_shards.h"

namespace plumbago::query {
namespace {

struct Fixture {
  Fixture() { fake.shards["a"] = shard; }
  std::shared_ptr<ShardClient> Client() {
    topology::ShardInfo info;
    info.id = "a";
    return guarded.Of(info);
  }
  absl::Status Fetch() {
    absl::Status status = absl::UnknownError("no answer");
    const auto metrics = std::make_shared<const std::vector<std::string>>(1, "m");
    Client()->Fetch({}, metrics, {0, 10, 10}, 100,
                    [&](const auto& result) { status = result.status(); });
    return status;
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  FakeShards fake;
  std::shared_ptr<FakeShard> shard = std::make_shared<FakeShard>();
  GuardedShards guarded{fake, clock, GuardOptions()};
};

TEST_CASE("Calls of a shard that fails are refused without being made", "[guard]") {
  Fixture fixture;
  fixture.shard->store_status = absl::UnavailableError("gone");
  for (int i = 0; i < 5; ++i) CHECK_FALSE(IsBreakerOpen(fixture.Fetch()));
  CHECK(IsBreakerOpen(fixture.Fetch()));
  CHECK(fixture.shard->calls.size() == 5);
  CHECK_FALSE(fixture.Client()->IsUsable());
  // Its cache has a breaker of its own.
  bool is_answered = false;
  fixture.Client()->ReadHot({}, std::make_shared<const std::vector<std::string>>(1, "m"), {},
                            [&](const auto& result) { is_answered = result.ok(); });
  CHECK(is_answered);
}

TEST_CASE("A store that does not know reductions is asked for all else", "[guard]") {
  Fixture fixture;
  fixture.shard->reduce_status = absl::UnimplementedError("older");
  for (int i = 0; i < 10; ++i) {
    absl::Status status;
    fixture.Client()->Reduce({}, std::make_shared<const ReduceQuestion>(), {0, 10, 10}, 100,
                             [&](const auto& result) { status = result.status(); });
    CHECK(absl::IsUnimplemented(status));
  }
  CHECK(fixture.Fetch().ok());
  fixture.shard->reduce_status = absl::UnavailableError("gone");
  for (int i = 0; i < 5; ++i) {
    fixture.Client()->Reduce({}, std::make_shared<const ReduceQuestion>(), {0, 10, 10}, 100,
                             [](const auto&) {});
  }
  CHECK(IsBreakerOpen(fixture.Fetch()));
}

TEST_CASE("A shard that answers a probe is asked again", "[guard]") {
  Fixture fixture;
  v1::TopologySnapshot proto;
  proto.set_epoch(1);
  auto* info = proto.add_shard();
  info->set_id("a");
  info->set_cache_address("c");
  info->set_store_address("s");
  info->set_state(v1::Shard::ACTIVE);
  auto* slots = proto.add_slots();
  slots->set_last(topology::kSlotCount - 1);
  slots->add_shard("a");
  const auto slot_map = *topology::SlotMap::FromProto(proto);
  fixture.shard->store_status = absl::UnavailableError("gone");
  for (int i = 0; i < 6; ++i) CHECK_FALSE(fixture.Fetch().ok());
  fixture.shard->calls.clear();
  const auto probe = [&] {
    fixture.clock.Advance(absl::Milliseconds(500));
    fixture.guarded.ProbeDue(*slot_map);
  };
  probe();
  CHECK(IsBreakerOpen(fixture.Fetch()));
  fixture.shard->store_status = absl::OkStatus();
  probe();
  CHECK(fixture.shard->calls == std::vector<std::string>{"probe store", "probe store"});
  CHECK(fixture.Fetch().ok());
  probe();
  CHECK(fixture.shard->calls.size() == 3);  // nothing is left to probe
}

TEST_CASE("The usual time of a shard is the p95 of its calls", "[guard]") {
  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  LatencyDigest digest(clock);
  for (int i = 1; i < 20; ++i) digest.Add(absl::Milliseconds(10 * i));
  CHECK(digest.Quantile(0.95) == absl::InfiniteDuration());
  digest.Add(absl::Milliseconds(200));
  const auto is_near = [](absl::Duration value, absl::Duration truth) {
    return value >= truth && value <= truth * 1.1;
  };
  CHECK(is_near(digest.Quantile(0.95), absl::Milliseconds(190)));
  CHECK(is_near(digest.Quantile(0.5), absl::Milliseconds(100)));
  CHECK(is_near(digest.Quantile(1), absl::Milliseconds(200)));
  // Old samples give way to new ones.
  clock.Advance(absl::Minutes(4));
  for (int i = 0; i < 40; ++i) digest.Add(absl::Milliseconds(1));
  CHECK(is_near(digest.Quantile(0.95), absl::Milliseconds(1)));
}

TEST_CASE("Hedges are a share of the calls", "[guard]") {
  HedgeBudget budget(0.05);
  int taken = 0;
  while (budget.Take()) ++taken;
  CHECK(taken == 10);  // the reserve
  for (int i = 0; i < 101; ++i) budget.CountCall();
  for (taken = 0; budget.Take();) ++taken;
  CHECK(taken == 5);
  HedgeBudget none(0);
  for (int i = 0; i < 1000; ++i) none.CountCall();
  CHECK_FALSE(none.Take());
}

}  // namespace
}  // namespace plumbago::query

// Requests over HTTP as the controls treat them: limits of tenants, operators' rules, killing, and
// the result cache. One fake shard; the clock stands at 2000 s until it is told to go on.
#include "query_controls.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>

#include "base/sha256.h"
#include "http_api.h"
#include "query/testing/fake_shards.h"

namespace plumbago::query {
namespace {

class Fixture {
 public:
  explicit Fixture(const ControlOptions& controls = {.result_cache_bytes = 1 << 20})
      : api({engine, functions, snapshots, clock, metrics},
            {.authentication = Authentication::kKeys, .cors_origin = "", .controls = controls}) {
    clients.shards["shard-0"] = shard;
    shard->stored["web.a"].points = {{1970, 1}, {1980, 2}, {1990, 3}};
    auto* topology = proto.mutable_topology();
    topology->set_epoch(1);
    auto* info = topology->add_shard();
    info->set_id("shard-0");
    info->set_cache_address("c");
    info->set_store_address("s");
    info->set_state(v1::Shard::ACTIVE);
    auto* range = topology->add_slots();
    range->set_last(topology::kSlotCount - 1);
    range->add_shard("shard-0");
    AddTenant("acme");
    AddTenant("other");
    Publish();
  }

  v1::Limits& LimitsOf(int tenant) { return *proto.mutable_tenant(tenant)->mutable_limits(); }
  void Publish() { snapshots.Publish(*topology::Snapshot::FromProto(proto)); }

  http::Response Get(const std::string& query, const std::string& tenant = "acme") {
    http::Request request;
    request.method = "GET";
    request.path = "/render";
    request.query = query + "&format=raw";
    request.headers.Add("X-Api-Key", tenant);
    request.headers.Add("X-Dashboard-Uid", "board");
    return api.Handle(request);
  }
  // How it was answered: from the cache or not.
  std::string CacheOf(const std::string& query, const std::string& tenant = "acme") {
    const http::Response response = Get(query, tenant);
    return response.status == 200 ? std::string(response.headers.Get("X-Plumbago-Cache"))
                                  : response.body;
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(2000)};
  base::Metrics metrics;
  std::shared_ptr<FakeShard> shard = std::make_shared<FakeShard>();  // with the clients
  FakeShards clients;
  functions::FunctionTable functions = functions::MakeBuiltinFunctions();
  topology::SnapshotHolder snapshots;
  v1::Snapshot proto;
  Engine engine{Limits(), functions, clients, clock};
  HttpApi api;

 private:
  void AddTenant(const std::string& id) {
    auto* tenant = proto.add_tenant();
    tenant->set_id(id);
    tenant->set_state(v1::Tenant::ACTIVE);
    auto* key = proto.add_key();
    key->set_id("key-" + id);
    key->set_tenant(id);
    key->add_scope(v1::Key::READ);
    key->set_secret_sha256(base::Sha256(id));
  }
};

constexpr char kQuery[] = "target=web.a&from=1960&until=1990";

TEST_CASE("The same question is answered from the cache, in any format", "[query_controls]") {
  Fixture fixture;
  CHECK(fixture.CacheOf(kQuery) == "miss");
  const auto calls = fixture.shard->calls;
  const http::Response again = fixture.Get("target=%20web.a&from=1960&until=1990&maxDataPoints=7");
  CHECK(again.headers.Get("X-Plumbago-Cache") == "hit");
  CHECK(again.body == "web.a,1970,2000,10|1.0,2.0,3.0\n");
  CHECK(fixture.shard->calls == calls);
  // Other targets over the same fetch read nothing either.
  CHECK(fixture.Get("target=scale(web.a,2)&from=1960&until=1990").body ==
        "scale(web.a,2),1970,2000,10|2.0,4.0,6.0\n");
  CHECK(fixture.Get(kQuery).body == "web.a,1970,2000,10|1.0,2.0,3.0\n");
  CHECK(fixture.shard->calls == calls);
}

TEST_CASE("Panels that name the same query differently share its answer", "[query_controls]") {
  Fixture fixture;
  const auto wrapped = [](const std::string& ref) {
    return "target=aliasSub(web.a,%20%22(^.*$)%22,%20%22\\1%20" + ref + "%22)&from=1960&until=1990";
  };
  CHECK(fixture.CacheOf(wrapped("A")) == "miss");
  const http::Response other = fixture.Get(wrapped("B"));
  CHECK(other.headers.Get("X-Plumbago-Cache") == "hit");
  CHECK(other.body == "web.a B,1970,2000,10|1.0,2.0,3.0\n");
  CHECK(fixture.Get("target=web.a&from=1960&until=1990").headers.Get("X-Plumbago-Cache") == "hit");
}

TEST_CASE("What makes another question is not answered from the cache", "[query_controls]") {
  Fixture fixture;
  CHECK(fixture.CacheOf(kQuery) == "miss");
  CHECK(fixture.CacheOf(kQuery, "other") == "miss");
  CHECK(fixture.CacheOf("target=web.a&from=1950&until=1990") == "miss");
  CHECK(fixture.CacheOf(std::string(kQuery) + "&xFilesFactor=0.5") == "miss");
  CHECK(fixture.CacheOf(std::string(kQuery) + "&tz=Europe/Berlin") == "miss");
  CHECK(fixture.CacheOf(std::string(kQuery) + "&now=1999") == "miss");
  CHECK(fixture.CacheOf(std::string(kQuery) + "&template[a]=b") == "miss");
  CHECK(fixture.CacheOf(kQuery) == "hit");
  fixture.clock.Advance(absl::Seconds(2));
  CHECK(fixture.CacheOf(kQuery) == "miss");
}

TEST_CASE("noCache and cacheTimeout are honoured", "[query_controls]") {
  Fixture fixture;
  CHECK(fixture.CacheOf(std::string(kQuery) + "&cacheTimeout=50") == "miss");
  fixture.clock.Advance(absl::Seconds(30));
  CHECK(fixture.CacheOf(std::string(kQuery) + "&cacheTimeout=50") == "hit");
  fixture.shard->stored["web.a"].points[1990] = 9;
  CHECK(fixture.Get(std::string(kQuery) + "&noCache=0").body == "web.a,1970,2000,10|1.0,2.0,9.0\n");
  CHECK(fixture.CacheOf(std::string(kQuery) + "&cacheTimeout=0").empty());
  CHECK(fixture.Get(std::string(kQuery) + "&cacheTimeout=soon").status == 400);
}

TEST_CASE("Partial answers are not kept", "[query_controls]") {
  Fixture fixture;
  fixture.shard->cache_status = absl::UnavailableError("down");
  CHECK_FALSE(fixture.Get(kQuery).headers.Get("X-Plumbago-Partial").empty());
  fixture.shard->cache_status = absl::OkStatus();
  CHECK(fixture.CacheOf(kQuery) == "miss");
  CHECK(fixture.Get(kQuery).headers.Get("X-Plumbago-Partial").empty());
}

TEST_CASE("A tenant's own limits hold, and messages name them", "[query_controls]") {
  Fixture fixture;
  fixture.LimitsOf(0).set_targets_per_query(1);
  fixture.Publish();
  const auto response = fixture.Get("target=web.a&target=web.b");
  CHECK(response.status == 422);
  CHECK_THAT(response.body, Catch::Contains("2 targets, more than 1") &&
                                Catch::Contains("tenant update acme --targets-per-query"));
  CHECK(fixture.Get("target=web.a&target=web.b", "other").status == 200);
}

TEST_CASE("Too many requests of a tenant are answered 429 with Retry-After", "[query_controls]") {
  Fixture fixture({.governor = {.tenant_present_max = 0}});
  const auto response = fixture.Get(kQuery);
  CHECK(response.status == 429);
  CHECK(response.headers.Get("Retry-After") == "1");
  CHECK_THAT(response.body, Catch::Contains("--tenant-requests-max"));
}

TEST_CASE("What an operator blocks is answered 403 with the note", "[query_controls]") {
  Fixture fixture;
  const auto block = [&](BlockRule rule) {
    rule.until = fixture.clock.Now() + absl::Minutes(1);
    rule.note = "too dear";
    return fixture.api.controls().blocks().Add(std::move(rule))->id;
  };
  const uint64_t id = block({.pattern = "web\\.a"});
  CHECK(fixture.Get(kQuery).status == 403);
  CHECK_THAT(fixture.Get(kQuery).body, Catch::Contains("too dear"));
  CHECK(fixture.Get("target=web.b").status == 200);
  REQUIRE(fixture.api.controls().blocks().Remove(id).ok());
  block({.tenant = "other", .header = "X-Dashboard-Uid", .pattern = "^board$"});
  CHECK(fixture.Get(kQuery).status == 200);
  CHECK(fixture.Get(kQuery, "other").status == 403);
}

TEST_CASE("A query that is killed ends with 503 and says so", "[query_controls]") {
  Fixture fixture;
  fixture.shard->is_silent = true;
  http::Response response;
  std::atomic<bool> is_answered = false;
  std::thread client([&] {
    response = fixture.Get(kQuery);
    is_answered = true;
  });
  QueryRegistry& queries = fixture.api.controls().queries();
  while (queries.List().empty() || queries.List()[0].state != QueryState::kRunning) {
    std::this_thread::yield();
  }
  const QueryInfo query = queries.List()[0];
  CHECK(query.text == "web.a");
  CHECK(query.dashboard == "board");
  REQUIRE(queries.Kill(query.id).ok());
  // The fake shard does not heed the cancellation; a call ends by its deadline at the latest, which
  // may be set only after a step of the clock.
  while (!is_answered) {
    fixture.clock.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  client.join();
  CHECK(response.status == 503);
  CHECK(response.headers.Get("Retry-After").empty());
  CHECK_THAT(response.body, Catch::Contains("plumbagoctl query kill"));
  CHECK(queries.List().empty());
}

}  // namespace
}  // namespace plumbago::query

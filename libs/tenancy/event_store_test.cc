// Proves which events are found, that they survive restarts, and that a tenant's share is bounded.
// On a KeyValue in memory with simulated time.
#include "tenancy/event_store.h"

#include <catch2/catch.hpp>

namespace plumbago::tenancy {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Find = v1::FindEventsRequest;

struct Fixture {
  Fixture() { Reopen(); }

  void Reopen() {
    store.reset();
    auto opened = EventStore::Open(kv, clock, metrics, limits);
    INFO(opened.status().ToString());
    REQUIRE(opened.ok());
    store = std::move(*opened);
  }

  absl::StatusOr<v1::Event> Add(const std::string& what, int64_t seconds,
                                const std::vector<std::string>& tags = {},
                                const std::string& tenant = "acme", const std::string& data = "") {
    v1::AddEventRequest request;
    request.set_tenant(tenant);
    request.mutable_event()->set_what(what);
    request.mutable_event()->set_data(data);
    request.mutable_event()->set_when_unix_us(seconds * kSecond);
    for (const std::string& tag : tags) request.mutable_event()->add_tag(tag);
    return store->Add(request);
  }

  // What the events that are found say, one behind the other.
  std::string Found(Find request) {
    std::string found;
    if (request.until_unix_us() == 0) request.set_until_unix_us(4'000 * kSecond);
    if (request.tenant().empty()) request.set_tenant("acme");
    const absl::Status status = store->Find(request, [&](const v1::Event& event) {
      found += event.what();
      return true;
    });
    REQUIRE(status.ok());
    return found;
  }
  std::string Tagged(Find::Match match, const std::vector<std::string>& tags) {
    Find request;
    request.set_has_tags(true);
    request.set_match(match);
    for (const std::string& tag : tags) request.add_tag(tag);
    return Found(request);
  }
  double Removed(const std::string& reason) {
    return metrics.AddCounter("plumbago_events_removed_total", "", {{"reason", reason}}).Value();
  }
  size_t RecordCount(const std::string& prefix) {
    size_t count = 0;
    REQUIRE(
        kv.Scan(prefix, [&](absl::string_view, absl::string_view) { return ++count > 0; }).ok());
    return count;
  }

  base::MemoryKeyValue kv;
  base::SimulatedClock clock{absl::FromUnixSeconds(5000)};
  base::Metrics metrics;
  EventLimits limits;
  std::unique_ptr<EventStore> store;
};

TEST_CASE("Events are found by time, both ends included, the earliest first", "[event_store]") {
  Fixture fixture;
  CHECK(fixture.Add("c", 300)->id() == 1);
  CHECK(fixture.Add("a", 100)->id() == 2);
  CHECK(fixture.Add("b", 200)->id() == 3);
  CHECK(fixture.Add("other", 200, {}, "acm")->id() == 1);
  CHECK(fixture.Found({}) == "abc");
  Find request;
  request.set_from_unix_us(100 * kSecond);
  request.set_until_unix_us(200 * kSecond);
  CHECK(fixture.Found(request) == "ab");
  request.set_from_unix_us(100 * kSecond + 1);
  request.set_until_unix_us(300 * kSecond - 1);
  CHECK(fixture.Found(request) == "b");
  CHECK(fixture.store->Get("acme", 2)->what() == "a");
  CHECK(absl::IsNotFound(fixture.store->Get("acme", 4).status()));
  CHECK(absl::IsNotFound(fixture.store->Get("nobody", 1).status()));
  CHECK(absl::IsNotFound(fixture.store->Get("acme", 0).status()));
}

TEST_CASE("Tags choose events as graphite-web's do", "[event_store]") {
  Fixture fixture;
  REQUIRE(fixture.Add("a", 100, {"deploy", "web"}).ok());
  REQUIRE(fixture.Add("b", 200, {"deploy", "db", "db"}).ok());
  REQUIRE(fixture.Add("c", 300).ok());
  const auto tagged = [&](Find::Match match, const std::vector<std::string>& tags) {
    return fixture.Tagged(match, tags);
  };
  CHECK(tagged(Find::ALL_KNOWN, {"deploy"}) == "ab");
  CHECK(tagged(Find::ALL_KNOWN, {"deploy", "db"}) == "b");
  CHECK(tagged(Find::ALL_KNOWN, {"deploy", "unheard"}) == "ab");
  CHECK(tagged(Find::ALL_KNOWN, {"unheard"}) == "");
  CHECK(tagged(Find::ALL_KNOWN, {"web", "db"}) == "");
  CHECK(tagged(Find::ANY, {"web", "unheard"}) == "a");
  CHECK(tagged(Find::ANY, {"web", "db"}) == "ab");
  CHECK(tagged(Find::ANY, {}) == "");
  CHECK(tagged(Find::ALL, {"deploy", "web"}) == "a");
  CHECK(tagged(Find::ALL, {"deploy", "unheard"}) == "");
  CHECK(tagged(Find::ALL, {}) == "");
}

TEST_CASE("Events and their numbers survive a restart", "[event_store]") {
  Fixture fixture;
  fixture.limits.tenant_events_max = 2;
  fixture.Reopen();
  for (const int64_t time : {100, 200, 300}) REQUIRE(fixture.Add("x", time).ok());
  fixture.Reopen();
  CHECK(fixture.Found({}) == "xx");
  CHECK(fixture.metrics.AddGauge("plumbago_events", "").Value() == 2);
  CHECK(fixture.Add("y", 400)->id() == 4);
  CHECK(fixture.Found({}) == "xy");
}

TEST_CASE("A full share loses its earliest events, and refuses earlier ones", "[event_store]") {
  Fixture fixture;
  fixture.limits.tenant_events_max = 3;
  fixture.Reopen();
  for (const char* what : {"a", "b", "c"}) REQUIRE(fixture.Add(what, 100 + *what).ok());
  CHECK(fixture.Removed("share_full") == 0);
  CHECK(fixture.Add("d", 1000).ok());
  CHECK(fixture.Found({}) == "bcd");
  CHECK(fixture.Removed("share_full") == 1);
  const auto refused = fixture.Add("z", 10);
  CHECK(absl::IsResourceExhausted(refused.status()));
  CHECK(fixture.Found({}) == "bcd");
  CHECK(fixture.metrics.AddCounter("plumbago_events_refused_total", "").Value() == 1);
  CHECK(fixture.Add("z", 10, {}, "other").ok());
}

TEST_CASE("The share is bounded in bytes too", "[event_store]") {
  Fixture fixture;
  fixture.limits.tenant_bytes_max = 4000;
  fixture.Reopen();
  const std::string data(1000, 'x');
  for (const char* what : {"a", "b", "c", "d", "e"}) {
    REQUIRE(fixture.Add(what, *what, {}, "acme", data).ok());
  }
  CHECK(fixture.Found({}) == "cde");
  CHECK(fixture.metrics.AddGauge("plumbago_events_bytes", "").Value() <= 4000);
}

TEST_CASE("Events beyond the retention are gone at once, and removed later", "[event_store]") {
  Fixture fixture;
  fixture.limits.retention = absl::Seconds(1000);
  fixture.Reopen();
  REQUIRE(fixture.Add("a", 4000).ok());
  REQUIRE(fixture.Add("b", 4500).ok());
  Find request;
  request.set_until_unix_us(9000 * kSecond);
  CHECK(fixture.Found(request) == "ab");
  fixture.clock.Advance(absl::Seconds(1));
  CHECK(fixture.Found(request) == "b");
  CHECK(absl::IsNotFound(fixture.store->Get("acme", 1).status()));
  CHECK(fixture.Removed("retention") == 0);
  REQUIRE(fixture.Add("c", 4600).ok());
  CHECK(fixture.Removed("retention") == 1);
  CHECK(fixture.Found(request) == "bc");
}

TEST_CASE("An event is bounded", "[event_store]") {
  Fixture fixture;
  fixture.limits.event_bytes_max = 100;
  fixture.Reopen();
  CHECK(fixture.Add(std::string(90, 'x'), 1, {"123456789"}).ok());
  const auto refused = fixture.Add(std::string(91, 'x'), 1, {"123456789"}).status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message().find("--event-bytes-max") != absl::string_view::npos);
  CHECK(absl::IsInvalidArgument(fixture.Add("x", -1).status()));
  CHECK(absl::IsInvalidArgument(fixture.Add("x", int64_t{1} << 40).status()));
  CHECK(absl::IsInvalidArgument(fixture.Add("x", 1, {"a b"}).status()));
  CHECK(absl::IsInvalidArgument(fixture.Add("x", 1, {""}).status()));
  CHECK(fixture.metrics.AddCounter("plumbago_events_refused_total", "").Value() == 5);
}

TEST_CASE("A malformed record and a newer format are refused", "[event_store]") {
  Fixture fixture;
  REQUIRE(fixture.Add("a", 100).ok());
  const auto open = [&](const std::string& key, const std::string& value) {
    base::MemoryKeyValue kv;
    REQUIRE(kv.Apply({{.key = key, .value = value}}, base::KeyValueSync::kDisk).ok());
    return EventStore::Open(kv, fixture.clock, fixture.metrics, {}).status().code();
  };
  CHECK(open("event/acme/0000000000000001/0000000000000001", "\xff") ==
        absl::StatusCode::kDataLoss);
  CHECK(open("event/acme/0000000000000001/0000000000000001", "") == absl::StatusCode::kDataLoss);
  CHECK(open("unheard", "") == absl::StatusCode::kDataLoss);
  CHECK(open("last_id/acme", "x") == absl::StatusCode::kDataLoss);
  CHECK(open("format", "2") == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("The events of a deleted tenant go, and no other ones", "[event_store]") {
  Fixture fixture;
  for (int i = 0; i < 2500; ++i) REQUIRE(fixture.Add("a", i).ok());
  REQUIRE(fixture.Add("b", 100, {}, "acme-2").ok());
  const bool is_reopened = GENERATE(false, true);
  if (is_reopened) fixture.Reopen();
  CHECK(fixture.store->RemoveTenant("acme").ok());
  CHECK(fixture.store->RemoveTenant("acme").ok());
  CHECK(fixture.store->RemoveTenant("nobody").ok());
  CHECK(fixture.RecordCount("event/") == 1);
  CHECK(fixture.RecordCount("last_id/") == 1);
  CHECK(fixture.Removed("tenant_deleted") == 2500);
  CHECK(fixture.metrics.AddGauge("plumbago_events", "").Value() == 1);
  Find request;
  request.set_tenant("acme-2");
  CHECK(fixture.Found(request) == "b");
}

TEST_CASE("A removal that a crash has cut off is ended after the restart", "[event_store]") {
  Fixture fixture;
  REQUIRE(fixture.Add("a", 100).ok());
  REQUIRE(fixture.Add("b", 200).ok());
  // As after a crash behind the last write of events.
  std::vector<base::KeyValueChange> changes;
  REQUIRE(fixture.kv
              .Scan("event/acme/",
                    [&](absl::string_view key, absl::string_view) {
                      changes.push_back({.key = std::string(key), .value = {}, .is_removal = true});
                      return true;
                    })
              .ok());
  REQUIRE(fixture.kv.Apply(changes, base::KeyValueSync::kDisk).ok());
  fixture.Reopen();
  CHECK(fixture.store->RemoveTenant("acme").ok());
  CHECK(fixture.RecordCount("") == 1);  // the format
}

}  // namespace
}  // namespace plumbago::tenancy

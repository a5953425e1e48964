// Proves what Top() says of points that have gone through routers: by tenant, prefix and sender,
// with new series and refusals, of one router and of two.
#include "relay/traffic.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "base/metrics.h"
#include "relay/point_router.h"
#include "relay/testing/fake_stream.h"
#include "relay/testing/slot_maps.h"

namespace plumbago::relay {
namespace {

Sender SenderOf(uint8_t last) {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last}, .is_known = true};
}

struct Fixture {
  Fixture() {
    clock.Advance(absl::Seconds(1000));
    options.traffic = std::make_shared<Traffic>(4096);
    for (auto& router : routers) {
      router = std::make_unique<PointRouter>(
          options, clock, metrics, RouterFactories{.make_stream = [this](const auto&) {
            return std::make_unique<testing::FakeStream>(destination);
          }});
      router->SetSlotMap(testing::SlotMapOf());
    }
    Advance(1);  // the first second is not complete
  }

  void Advance(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.Advance(absl::Seconds(1));
      for (auto& router : routers) router->Tick();
    }
  }
  void Feed(int router, const std::string& text) { cutter.Feed(text, *routers[router]); }
  // Ten seconds, all of which can be asked for after.
  void FeedWindow(const std::function<void()>& feed) {
    for (int i = 0; i < 10; ++i) {
      feed();
      Advance(1);
    }
    Advance(1);
  }
  v1::TopResponse Top(v1::TopRequest::By by, uint32_t depth = 0, const std::string& tenant = "") {
    v1::TopRequest request;
    request.set_by(by);
    request.set_depth(depth);
    request.set_tenant(tenant);
    return options.traffic->Top(request, clock.Monotonic()).value();
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  testing::Destination destination;
  RouterOptions options;
  std::array<std::unique_ptr<PointRouter>, 2> routers;
  LineCutter cutter;
};

std::map<std::string, double> RatesOf(const v1::TopResponse& response) {
  std::map<std::string, double> rates;
  for (const auto& row : response.rows()) {
    rates[row.tenant() + "/" + row.key()] = row.points_per_second();
  }
  return rates;
}

TEST_CASE("Top sums the points of all routers by prefix, the heaviest first", "[relay]") {
  Fixture f;
  f.FeedWindow([&] {
    f.Feed(0, "servers.web.cpu 1 1\nservers.web.mem 1 1\nservers.db.cpu 1 1\n");
    f.Feed(1, "servers.web.cpu 1 1\nshort 1 1\ndisk.used.x;dc=a.b 1 1\n");
  });
  const v1::TopResponse two = f.Top(v1::TopRequest::PREFIX);
  CHECK(two.seconds() == 10);
  CHECK(two.points_per_second() == 6);
  CHECK(RatesOf(two) == std::map<std::string, double>{{"default/servers.web", 3},
                                                      {"default/servers.db", 1},
                                                      {"default/short", 1},
                                                      {"default/disk.used", 1}});
  CHECK(two.rows(0).key() == "servers.web");
  CHECK(two.rows(0).points_per_second_error() == 0);
  CHECK(two.rows(0).bytes_per_second() == 3 * 20);
  CHECK(RatesOf(f.Top(v1::TopRequest::PREFIX, 1))["default/servers"] == 4);
  CHECK(RatesOf(f.Top(v1::TopRequest::PREFIX, 8))["default/servers.web.cpu"] == 2);
}

TEST_CASE("Top forgets what is older than ten seconds", "[relay]") {
  Fixture f;
  f.FeedWindow([&] { f.Feed(0, "old.x 1 1\n"); });
  f.FeedWindow([&] { f.Feed(0, "new.x 1 1\nnew.x 2 2\n"); });
  CHECK(RatesOf(f.Top(v1::TopRequest::PREFIX, 1)) ==
        std::map<std::string, double>{{"default/new", 2}});
}

TEST_CASE("Top says how many series are new", "[relay]") {
  Fixture f;
  int n = 0;
  f.FeedWindow([&] { f.Feed(0, "known.x 1 1\nnew.x" + std::to_string(n++) + " 1 1\n"); });
  const v1::TopResponse top = f.Top(v1::TopRequest::PREFIX, 1);
  std::map<std::string, double> fresh;
  for (const auto& row : top.rows()) fresh[row.key()] = row.new_series_per_second();
  CHECK(fresh == std::map<std::string, double>{{"known", 0.1}, {"new", 1}});
}

TEST_CASE("Top says why points were refused, and never shows a key", "[relay]") {
  Fixture f;
  f.FeedWindow([&] { f.Feed(0, "bad..x 1 1\nbad..x 1 1\nbad.x nan 1\npk_secret_abc.x oops 1\n"); });
  const v1::TopResponse top = f.Top(v1::TopRequest::PREFIX, 1);
  CHECK(top.points_per_second() == 4);
  CHECK(top.rows(0).key() == "bad");
  REQUIRE(top.rows(0).refused_size() == 2);
  CHECK(top.rows(0).refused(0).reason() == "empty_node");
  CHECK(top.rows(0).refused(0).points_per_second() == 2);
  CHECK(top.rows(0).refused(1).reason() == "bad_value");
  CHECK(top.rows(1).key() == "pk_***");
  CHECK(top.DebugString().find("secret") == std::string::npos);
}

TEST_CASE("Top sums by sender, and by protocol where there is none", "[relay]") {
  Fixture f;
  f.FeedWindow([&] {
    f.routers[0]->SetSource({.sender = SenderOf(1)});
    f.Feed(0, "a 1 1\nb 1 1\n");
    f.routers[0]->SetSource({.sender = SenderOf(2)});
    f.Feed(0, "a 1 1\n");
    f.routers[1]->SetSource({.sender = SenderOf(1)});
    f.Feed(1, "c 1 1\n");
    f.routers[1]->SetSource({.protocol = Protocol::kStatsd});
    f.routers[1]->OnPoint("stats.x", 1, 1);
  });
  CHECK(RatesOf(f.Top(v1::TopRequest::SOURCE)) ==
        std::map<std::string, double>{
            {"default/10.0.0.1", 3}, {"default/10.0.0.2", 1}, {"default/(statsd)", 1}});
}

TEST_CASE("Top sums by tenant, and shows one alone", "[relay]") {
  Fixture f;
  f.FeedWindow([&] {
    f.routers[0]->SetSource({.tenant = f.routers[0]->TenantOf("acme")});
    f.Feed(0, "a 1 1\na 1 1\n");
    f.routers[1]->SetSource({});
    f.Feed(1, "a 1 1\n");
  });
  CHECK(RatesOf(f.Top(v1::TopRequest::TENANT)) ==
        std::map<std::string, double>{{"acme/", 2}, {"default/", 1}});
  CHECK(RatesOf(f.Top(v1::TopRequest::PREFIX, 1, "acme")) ==
        std::map<std::string, double>{{"acme/a", 2}});
}

TEST_CASE("Top keeps to limit and depth, and refuses them out of range", "[relay]") {
  Fixture f;
  f.FeedWindow([&] { f.Feed(0, "a 1 1\na 1 1\nb 1 1\nc 1 1\n"); });
  v1::TopRequest request;
  request.set_by(v1::TopRequest::PREFIX);
  request.set_limit(1);
  request.set_depth(Traffic::kDepthMax);
  const v1::TopResponse top = f.options.traffic->Top(request, f.clock.Monotonic()).value();
  REQUIRE(top.rows_size() == 1);
  CHECK(top.rows(0).key() == "a");
  CHECK(top.points_per_second() == 4);  // of all
  request.set_limit(Traffic::kLimitMax);
  CHECK(f.options.traffic->Top(request, f.clock.Monotonic())->rows_size() == 3);
  request.set_limit(Traffic::kLimitMax + 1);
  CHECK(absl::IsInvalidArgument(f.options.traffic->Top(request, absl::ZeroDuration()).status()));
  request.set_limit(0);
  request.set_depth(Traffic::kDepthMax + 1);
  CHECK(absl::IsInvalidArgument(f.options.traffic->Top(request, absl::ZeroDuration()).status()));
}

TEST_CASE("Top has nothing to say before a full second has passed", "[relay]") {
  Fixture f;
  f.Feed(0, "a 1 1\n");
  const v1::TopResponse top = f.Top(v1::TopRequest::PREFIX);
  CHECK(top.seconds() == 0);
  CHECK(top.rows_size() == 0);
}

TEST_CASE("SenderText writes addresses as people do", "[relay]") {
  CHECK(SenderText(SenderOf(7), Protocol::kPlaintext) == "10.0.0.7");
  Sender v6{.address = {0x20, 0x01, 0x0d, 0xb8}, .is_known = true};
  v6.address[15] = 1;
  CHECK(SenderText(v6, Protocol::kPlaintext) == "2001:db8::1");
  CHECK(SenderText({}, Protocol::kInternal) == "(internal)");
}

}  // namespace
}  // namespace plumbago::relay

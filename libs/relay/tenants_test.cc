// Proves how a router tells tenants apart: by source and by key, their series, states and limits;
// that keys are cut off; and that a sender can wait for the acknowledgement of his points.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "base/metrics.h"
#include "base/sha256.h"
#include "relay/point_router.h"
#include "relay/router_sink.h"

namespace plumbago::relay {
namespace {

const std::string kKey = "pk_abcdefghijkl_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const std::string kReadKey = "pk_bbcdefghijkl_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

class RecordingStream final : public BatchStream {
 public:
  explicit RecordingStream(std::vector<std::unique_ptr<Batch>>& batches) : batches_(batches) {}
  void Send(std::unique_ptr<Batch> batch) override { batches_.push_back(std::move(batch)); }
  size_t unacknowledged_bytes() const override { return 0; }
  uint64_t acknowledged_count() const override { return 0; }
  bool is_failing() override { return false; }
  std::vector<std::unique_ptr<Batch>> TakeBack() override { return {}; }

 private:
  std::vector<std::unique_ptr<Batch>>& batches_;
};

struct Fixture {
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "default"};
  std::vector<std::unique_ptr<Batch>> batches;
  std::unique_ptr<PointRouter> router;
  v1::Snapshot proto;

  Fixture() {
    v1::Shard* const shard = proto.mutable_topology()->add_shard();
    shard->set_id(std::string("a"));
    shard->set_state(v1::Shard::ACTIVE);
    v1::SlotRange* const slots = proto.mutable_topology()->add_slots();
    slots->set_last(topology::kSlotCount - 1);
    slots->add_shard(std::string("a"));
    proto.mutable_topology()->set_epoch(1);
    for (const std::string id : {"default", "acme"}) {
      v1::Tenant* const tenant = proto.add_tenant();
      tenant->set_id(id);
      tenant->set_state(v1::Tenant::ACTIVE);
    }
    AddKey("acme", kKey, v1::Key::INGEST);
    AddKey("acme", kReadKey, v1::Key::READ);
    router = std::make_unique<PointRouter>(
        RouterOptions{.limiters = std::make_shared<TenantLimiters>(TenantRates{})}, clock, metrics,
        RouterFactories{.make_stream = [this](const topology::ShardInfo&) {
          return std::make_unique<RecordingStream>(batches);
        }});
    Publish();
  }

  void AddKey(const std::string& tenant, const std::string& text, v1::Key::Scope scope) {
    v1::Key* const key = proto.add_key();
    key->set_id(text.substr(3, 12));
    key->set_tenant(tenant);
    key->add_scope(scope);
    key->set_secret_sha256(base::Sha256(text));
  }

  void Publish() { router->SetSnapshot(topology::Snapshot::FromProto(proto).value()); }

  void Feed(const std::string& text) {
    LineCutter cutter;
    cutter.Feed(text, *router);
  }

  // {"tenant/metric": number of points}
  std::map<std::string, int> Received() {
    router->Flush();
    std::map<std::string, int> result;
    for (const auto& batch : batches) {
      for (const uint32_t id : batch->points.series_id()) {
        const SeriesName name = batch->names->Get(id);
        ++result[std::string(name.tenant) + "/" + std::string(name.metric)];
      }
    }
    return result;
  }

  double Dropped(const std::string& tenant, DropReason reason,
                 Protocol protocol = Protocol::kPlaintext) {
    router->Flush();
    return metrics.dropped(tenant, protocol, reason).Value();
  }
};

using Expected = std::map<std::string, int>;

TEST_CASE("PointRouter cuts a key off the name and gives the point to its tenant", "[relay]") {
  Fixture f;
  f.Feed("x.y 1 1\n" + kKey + ".x.y 2 2\n" + kKey + ".x.y 3 3\n");
  CHECK(f.Received() == Expected{{"default/x.y", 1}, {"acme/x.y", 2}});
}

TEST_CASE("PointRouter refuses unknown, revoked and read-only keys and counts them", "[relay]") {
  Fixture f;
  f.proto.mutable_key(0)->set_revoked_unix_ms(1);
  f.Publish();
  f.Feed(kKey + ".x 1 1\n" + kReadKey + ".x 1 1\npk_what.x 1 1\n" + kKey + " 1 1\n");
  CHECK(f.Received().empty());
  CHECK(f.Dropped("default", DropReason::kUnknownKey) == 4);
  CHECK(f.router->unknown_key_count() == 4);
}

TEST_CASE("PointRouter refuses a key without a name behind it", "[relay]") {
  Fixture f;
  f.Feed(kKey + " 1 1\n" + kKey + ". 1 1\n");
  CHECK(f.Received().empty());
  CHECK(f.Dropped("acme", DropReason::kEmptyName) == 2);
}

TEST_CASE("PointRouter takes no name for a key while there are no keys", "[relay]") {
  Fixture f;
  f.proto.clear_key();
  f.Publish();
  f.Feed("pk_x.y 1 1\n");
  CHECK(f.Received() == Expected{{"default/pk_x.y", 1}});
}

TEST_CASE("PointRouter keeps the series of two sources apart", "[relay]") {
  Fixture f;
  f.router->SetSource({f.router->TenantOf("acme"), Protocol::kPickle});
  CHECK(f.router->OnPoint("x", 1, 1) == std::nullopt);
  f.router->SetSource({});
  CHECK(f.router->OnPoint("x", 1, 1) == std::nullopt);
  CHECK(f.Received() == Expected{{"default/x", 1}, {"acme/x", 1}});
  CHECK(f.metrics.points_received("acme", Protocol::kPickle).Value() == 1);
}

TEST_CASE("PointRouter refuses suspended tenants, until they are resumed", "[relay]") {
  Fixture f;
  f.Feed("x 1 1\n");
  f.proto.mutable_tenant(0)->set_state(v1::Tenant::SUSPENDED);
  f.Publish();
  f.Feed("x 2 2\n" + kKey + ".x 2 2\n");
  CHECK(f.router->OnPoint("x", 1, 1) == DropReason::kTenantRefused);
  f.proto.mutable_tenant(0)->set_state(v1::Tenant::ACTIVE);
  f.Publish();
  f.Feed("x 3 3\n");
  CHECK(f.Received() == Expected{{"default/x", 2}, {"acme/x", 1}});
  CHECK(f.Dropped("default", DropReason::kTenantRefused) == 2);
}

TEST_CASE("PointRouter holds a tenant to its points per second and no other", "[relay]") {
  Fixture f;
  f.proto.mutable_tenant(1)->mutable_limits()->set_points_per_second(10);
  f.Publish();
  std::string lines;
  for (int i = 1; i <= 300; ++i) lines += kKey + ".x 1 " + std::to_string(i) + "\nx 1 1\n";
  f.Feed(lines);
  CHECK(f.Received() == Expected{{"default/x", 300}, {"acme/x", 100}});
  CHECK(f.Dropped("acme", DropReason::kPointsRateLimit) == 200);
}

TEST_CASE("PointRouter holds a tenant to its own length of names, known ones included", "[relay]") {
  Fixture f;
  std::string longest(metric::kMetricBytesMax, 'n');
  for (size_t i = 100; i + 1 < longest.size(); i += 100) longest[i] = '.';  // of short nodes
  f.Feed(kKey + ".12345 1 1\n" + kKey + ".123456 1 1\n123456 1 1\n");
  CHECK(f.Received() == Expected{{"acme/12345", 1}, {"acme/123456", 1}, {"default/123456", 1}});
  f.proto.mutable_tenant(1)->mutable_limits()->set_name_bytes_max(5);
  f.Publish();
  f.Feed(kKey + ".12345 2 2\n" + kKey + ".123456 2 2\n123456 2 2\n");
  CHECK(f.Received() == Expected{{"acme/12345", 2}, {"acme/123456", 1}, {"default/123456", 2}});
  CHECK(f.Dropped("acme", DropReason::kNameTooLong) == 1);
  f.proto.mutable_tenant(1)->mutable_limits()->set_name_bytes_max(0);
  f.Publish();
  f.router->SetSource({f.router->TenantOf("acme"), Protocol::kPickle});
  CHECK(f.router->OnPoint(longest, 1, 1) == std::nullopt);
  CHECK(f.router->OnPoint(longest + "n", 1, 1) == DropReason::kNameTooLong);
}

TEST_CASE("PointRouter knows a tenant's own number of connections", "[relay]") {
  Fixture f;
  const TenantIndex acme = f.router->TenantOf("acme");
  CHECK(f.router->ConnectionsMaxOf(acme) == std::nullopt);
  f.proto.mutable_tenant(1)->mutable_limits()->set_connections(3);
  f.Publish();
  CHECK(f.router->ConnectionsMaxOf(acme) == uint64_t{3});
  CHECK(f.router->ConnectionsMaxOf(0) == std::nullopt);
}

TEST_CASE("PointRouter tells a report what it refuses, without the key", "[relay]") {
  Fixture f;
  RouterSink sink(*f.router);
  protocols::RefusalReport report(sink);
  sink.SetReport(&report);
  f.router->SetSource({0, Protocol::kHttp});
  report.OnPoint({.metric = "good", .value = 1, .time_seconds = 1, .position = 1});
  report.OnPoint({.metric = "a..b", .value = 1, .time_seconds = 1, .position = 2});
  report.OnPoint({.metric = "pk_no.b", .value = 1, .time_seconds = 1, .position = 3});
  report.OnRefused({protocols::RefusalReason::kBadValue, 4, "x y 1"});
  CHECK(report.accepted_count() == 1);
  CHECK(report.refused_count() == 3);
  CHECK(report.first_refused()[0].reason == "empty_node");
  CHECK(report.first_refused()[1].excerpt == "pk_***.b");
  CHECK(f.Dropped("default", DropReason::kBadValue, Protocol::kHttp) == 1);
}

TEST_CASE("A Delivery ends when every batch with its points is accepted", "[relay]") {
  Fixture f;
  f.Feed("before 1 1\n");
  f.router->Flush();
  auto delivery = std::make_shared<Delivery>();
  f.router->SetDelivery(delivery);
  f.Feed("x 1 1\n");
  f.router->Flush();
  f.router->SetDelivery(nullptr);
  f.Feed("after 1 1\n");
  f.router->Flush();
  REQUIRE(f.batches.size() == 3);
  CHECK(f.batches[0]->delivery == nullptr);
  CHECK(f.batches[2]->delivery == nullptr);
  CHECK_FALSE(delivery->Wait(f.clock, f.clock.Monotonic()));
  f.batches[1]->delivery->OnBatchAccepted();
  CHECK(delivery->Wait(f.clock, f.clock.Monotonic()));
}

}  // namespace
}  // namespace plumbago::relay

// Proves the gRPC services over a real server on a free port: codes and messages reach the client,
// and a watcher sees the present snapshot and each later one.
#include <catch2/catch.hpp>
#include <thread>

#include "events_service.h"
#include "rpc/server.h"
#include "tenants_service.h"
#include "topology_service.h"

namespace plumbago::tenant_controller {
namespace {

struct Fixture {
  Fixture() {
    registry->SetListener([this] {
      topology.Push();
      events.RemoveOfDeletedTenants();
    });
    auto started = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&tenants, &topology, &events});
    REQUIRE(started.ok());
    server = std::move(*started);
    const auto channel = rpc::MakeChannel("127.0.0.1:" + std::to_string(server->port()));
    tenants_stub = v1::Tenants::NewStub(channel);
    topology_stub = v1::Topology::NewStub(channel);
    events_stub = v1::Events::NewStub(channel);
  }
  ~Fixture() {
    topology.Stop();
    server->Shutdown(absl::ZeroDuration());
  }

  grpc::Status Create(const std::string& id) {
    grpc::ClientContext context;
    v1::CreateTenantRequest request;
    request.set_id(id);
    v1::Tenant response;
    return tenants_stub->CreateTenant(&context, request, &response);
  }

  base::MemoryKeyValue kv;
  base::SimulatedClock clock{absl::FromUnixSeconds(1000)};
  base::SeededRandom random{1};
  base::Metrics metrics;
  std::unique_ptr<tenancy::Registry> registry = *tenancy::Registry::Open(kv, clock, random);
  TenantsService tenants{*registry};
  TopologyService topology{*registry, metrics};
  base::MemoryKeyValue event_kv;
  std::unique_ptr<tenancy::EventStore> event_store =
      *tenancy::EventStore::Open(event_kv, clock, metrics, {});
  EventsService events{*event_store, *registry};
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<v1::Tenants::Stub> tenants_stub;
  std::unique_ptr<v1::Topology::Stub> topology_stub;
  std::unique_ptr<v1::Events::Stub> events_stub;
};

TEST_CASE("Errors of the registry reach the client with code and message", "[controller]") {
  Fixture fixture;
  CHECK(fixture.Create("acme").ok());
  const grpc::Status taken = fixture.Create("acme");
  CHECK(taken.error_code() == grpc::StatusCode::ALREADY_EXISTS);
  CHECK(taken.error_message() == "tenant \"acme\" exists");
  CHECK(fixture.Create("Acme").error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("Tenants are listed with those created", "[controller]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  grpc::ClientContext context;
  v1::ListTenantsResponse response;
  REQUIRE(fixture.tenants_stub->ListTenants(&context, {}, &response).ok());
  REQUIRE(response.tenant_size() == 2);
  CHECK(response.tenant(0).id() == "acme");
  CHECK(response.tenant(1).id() == "default");
}

TEST_CASE("A watcher sees the present snapshot, then each newer one", "[controller]") {
  Fixture fixture;
  grpc::ClientContext context;
  const auto stream = fixture.topology_stub->WatchSnapshot(&context, {});
  v1::Snapshot snapshot;
  REQUIRE(stream->Read(&snapshot));
  CHECK(snapshot.version() == 1);
  CHECK(snapshot.tenant(0).id() == "default");
  REQUIRE(fixture.Create("acme").ok());
  REQUIRE(stream->Read(&snapshot));
  CHECK(snapshot.version() == 2);
  CHECK(snapshot.tenant(0).id() == "acme");
}

TEST_CASE("A watcher that reads late sees the newest snapshot", "[controller]") {
  Fixture fixture;
  grpc::ClientContext context;
  const auto stream = fixture.topology_stub->WatchSnapshot(&context, {});
  v1::Snapshot snapshot;
  REQUIRE(stream->Read(&snapshot));
  for (int i = 0; i < 100; ++i) REQUIRE(fixture.Create("t" + std::to_string(i)).ok());
  uint64_t last = snapshot.version();
  while (snapshot.tenant_size() < 101) {
    REQUIRE(stream->Read(&snapshot));
    CHECK(snapshot.version() > last);
    last = snapshot.version();
  }
}

TEST_CASE("Stop ends every stream with UNAVAILABLE and refuses new ones", "[controller]") {
  Fixture fixture;
  grpc::ClientContext context;
  const auto stream = fixture.topology_stub->WatchSnapshot(&context, {});
  v1::Snapshot snapshot;
  REQUIRE(stream->Read(&snapshot));
  fixture.topology.Stop();
  CHECK_FALSE(stream->Read(&snapshot));
  CHECK(stream->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext late_context;
  const auto late = fixture.topology_stub->WatchSnapshot(&late_context, {});
  CHECK_FALSE(late->Read(&snapshot));
  CHECK(late->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("Watchers that come and go while snapshots are pushed do no harm", "[controller]") {
  Fixture fixture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture] {
      for (int i = 0; i < 20; ++i) {
        grpc::ClientContext context;
        const auto stream = fixture.topology_stub->WatchSnapshot(&context, {});
        v1::Snapshot snapshot;
        stream->Read(&snapshot);
        context.TryCancel();
        stream->Finish();
      }
    });
  }
  for (int i = 0; i < 50; ++i) CHECK(fixture.Create("t" + std::to_string(i)).ok());
  for (std::thread& thread : threads) thread.join();
}

grpc::Status AddEvent(Fixture& fixture, const std::string& tenant, const std::string& data,
                      v1::Event& event) {
  grpc::ClientContext context;
  v1::AddEventRequest request;
  request.set_tenant(tenant);
  request.mutable_event()->set_what("deploy");
  request.mutable_event()->set_data(data);
  return fixture.events_stub->AddEvent(&context, request, &event);
}

TEST_CASE("Events are kept for tenants that there are, and come back in parts", "[controller]") {
  Fixture fixture;
  v1::Event event;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(AddEvent(fixture, "default", std::string(60'000, 'x'), event).ok());
  }
  CHECK(event.id() == 50);
  CHECK(AddEvent(fixture, "nobody", "", event).error_code() == grpc::StatusCode::NOT_FOUND);
  REQUIRE(fixture.Create("acme").ok());
  CHECK(AddEvent(fixture, "acme", "", event).ok());
  REQUIRE(fixture.registry->DeleteTenant("acme").ok());
  CHECK(AddEvent(fixture, "acme", "", event).error_code() == grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  v1::FindEventsRequest request;
  request.set_tenant("default");
  const auto reader = fixture.events_stub->FindEvents(&context, request);
  v1::FindEventsResponse part;
  int part_count = 0;
  int event_count = 0;
  for (; reader->Read(&part); ++part_count) event_count += part.event_size();
  CHECK(reader->Finish().ok());
  CHECK(part_count == 3);
  CHECK(event_count == 50);
  grpc::ClientContext get_context;
  v1::GetEventRequest get;
  get.set_tenant("default");
  get.set_id(7);
  CHECK(fixture.events_stub->GetEvent(&get_context, get, &event).ok());
  CHECK(event.id() == 7);
}

size_t EventRecords(Fixture& fixture, const std::string& tenant) {
  size_t count = 0;
  REQUIRE(fixture.event_kv
              .Scan("event/" + tenant + "/",
                    [&](absl::string_view, absl::string_view) { return ++count > 0; })
              .ok());
  return count;
}

TEST_CASE("A tenant's events go with the tenant", "[controller]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  v1::Event event;
  REQUIRE(AddEvent(fixture, "acme", "", event).ok());
  REQUIRE(AddEvent(fixture, "default", "", event).ok());
  grpc::ClientContext context;
  v1::DeleteTenantRequest request;
  request.set_id(std::string("acme"));
  v1::Tenant response;
  REQUIRE(fixture.tenants_stub->DeleteTenant(&context, request, &response).ok());
  CHECK(EventRecords(fixture, "acme") == 0);
  CHECK(EventRecords(fixture, "default") == 1);
}

// A controller that was killed between the deletion and the removal calls it at its start.
TEST_CASE("Events that were left behind by a deleted tenant go at the next start", "[controller]") {
  Fixture fixture;
  REQUIRE(fixture.Create("acme").ok());
  v1::Event event;
  REQUIRE(AddEvent(fixture, "acme", "", event).ok());
  fixture.registry->SetListener([] {});
  REQUIRE(fixture.registry->DeleteTenant("acme").ok());
  REQUIRE(EventRecords(fixture, "acme") == 1);
  auto store = tenancy::EventStore::Open(fixture.event_kv, fixture.clock, fixture.metrics, {});
  REQUIRE(store.ok());
  EventsService(**store, *fixture.registry).RemoveOfDeletedTenants();
  CHECK(EventRecords(fixture, "acme") == 0);
}

}  // namespace
}  // namespace plumbago::tenant_controller

// Proves that a watcher publishes and saves what a controller pushes, starts from the file while
// the controller is away, and connects again. Against a real gRPC server on a free port.
#include "rpc/snapshot_watcher.h"

#include <catch2/catch.hpp>
#include <utility>

#include "base/testing/temporary_directory.h"
#include "rpc/server.h"

namespace plumbago::rpc {
namespace {

v1::Snapshot MakeSnapshot(uint64_t version) {
  v1::Snapshot snapshot;
  snapshot.set_version(version);
  snapshot.add_tenant()->set_id("default");
  return snapshot;
}

// Sends what it is given, then keeps the stream open until the client or End() ends it.
class FakeController final
    : public v1::Topology::WithCallbackMethod_WatchSnapshot<v1::Topology::Service> {
 public:
  explicit FakeController(std::vector<v1::Snapshot> snapshots) : snapshots_(std::move(snapshots)) {}

  grpc::ServerWriteReactor<v1::Snapshot>* WatchSnapshot(
      grpc::CallbackServerContext*, const v1::WatchSnapshotRequest* request) override {
    class Reactor final : public grpc::ServerWriteReactor<v1::Snapshot> {
     public:
      explicit Reactor(const std::vector<v1::Snapshot>& snapshots) : snapshots_(snapshots) {
        OnWriteDone(true);
      }
      void OnWriteDone(bool) override {
        if (next_ < snapshots_.size()) StartWrite(&snapshots_[next_++]);
      }
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }

     private:
      const std::vector<v1::Snapshot>& snapshots_;
      size_t next_ = 0;
    };
    known_version = request->known_version();
    service = request->service();
    return new Reactor(snapshots_);
  }

  uint64_t known_version = 0;  // read after the first snapshot came
  std::string service;

 private:
  const std::vector<v1::Snapshot> snapshots_;
};

struct Fixture {
  Fixture() {
    holder.AddListener([this](const std::shared_ptr<const topology::Snapshot>& snapshot) {
      base::MutexLock lock(mutex);
      versions.push_back(snapshot->version());
      changed.NotifyAll();
    });
  }

  std::unique_ptr<SnapshotWatcher> Watch(int port) {
    auto watcher = std::make_unique<SnapshotWatcher>(
        SnapshotWatcherOptions{"127.0.0.1:" + std::to_string(port), "relay", "test", path},
        *file_system, metrics, holder);
    start_status = watcher->Start();
    return watcher;
  }

  // Blocks until so many snapshots were published; ctest ends a test that hangs.
  std::vector<uint64_t> WaitForVersions(size_t count) {
    base::MutexLock lock(mutex);
    while (versions.size() < count) changed.Wait(lock);
    return versions;
  }

  base::testing::TemporaryDirectory directory;
  std::string path = directory.path() + "/snapshot.pb";
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::Metrics metrics;
  topology::SnapshotHolder holder;
  absl::Status start_status;

  base::Mutex mutex;
  base::CondVar changed;
  std::vector<uint64_t> versions ABSL_GUARDED_BY(mutex);
};

std::unique_ptr<Server> Serve(FakeController& controller, int port = 0) {
  auto server = Server::Start({.listen = "127.0.0.1:" + std::to_string(port)}, {&controller});
  INFO(server.status().ToString());
  REQUIRE(server.ok());
  return std::move(*server);
}

TEST_CASE("SnapshotWatcher publishes each snapshot and saves the last", "[rpc]") {
  Fixture fixture;
  FakeController controller({MakeSnapshot(3), MakeSnapshot(4)});
  auto server = Serve(controller);
  auto watcher = fixture.Watch(server->port());
  CHECK(fixture.WaitForVersions(2) == std::vector<uint64_t>{3, 4});
  CHECK(controller.service == "relay");
  watcher->Stop();
  CHECK(topology::LoadSnapshot(*fixture.file_system, fixture.path).value()->version() == 4);
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("SnapshotWatcher starts from the file while the controller is away", "[rpc]") {
  Fixture fixture;
  const auto saved = topology::Snapshot::FromProto(MakeSnapshot(9)).value();
  REQUIRE(topology::SaveSnapshot(*fixture.file_system, fixture.path, *saved).ok());
  auto watcher = fixture.Watch(1);
  CHECK(fixture.start_status.ok());
  REQUIRE(fixture.holder.Get() != nullptr);
  CHECK(fixture.holder.Get()->version() == 9);
  watcher->Stop();
}

TEST_CASE("SnapshotWatcher goes on after a damaged file and replaces it", "[rpc]") {
  Fixture fixture;
  REQUIRE(base::WriteFileAtomically(*fixture.file_system, fixture.path, "garbage").ok());
  FakeController controller({MakeSnapshot(5)});
  auto server = Serve(controller);
  auto watcher = fixture.Watch(server->port());
  CHECK(fixture.start_status.ok());
  CHECK(fixture.WaitForVersions(1) == std::vector<uint64_t>{5});
  watcher->Stop();
  CHECK(topology::LoadSnapshot(*fixture.file_system, fixture.path).ok());
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("SnapshotWatcher connects again and says what it has", "[rpc]") {
  Fixture fixture;
  FakeController first({MakeSnapshot(1)});
  auto server = Serve(first);
  const int port = server->port();
  auto watcher = fixture.Watch(port);
  fixture.WaitForVersions(1);
  server->Shutdown(absl::ZeroDuration());
  server.reset();

  FakeController second({MakeSnapshot(1), MakeSnapshot(2)});
  server = Serve(second, port);
  CHECK(fixture.WaitForVersions(2) == std::vector<uint64_t>{1, 2});
  CHECK(second.known_version == 1);
  watcher->Stop();
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("SnapshotWatcher keeps the snapshot in use where a new one is not valid", "[rpc]") {
  Fixture fixture;
  v1::Snapshot invalid = MakeSnapshot(2);
  invalid.add_tenant()->set_id("default");
  FakeController controller({MakeSnapshot(1), invalid, MakeSnapshot(3)});
  auto server = Serve(controller);
  auto watcher = fixture.Watch(server->port());
  CHECK(fixture.WaitForVersions(2) == std::vector<uint64_t>{1, 3});
  watcher->Stop();
  server->Shutdown(absl::ZeroDuration());
}

}  // namespace
}  // namespace plumbago::rpc

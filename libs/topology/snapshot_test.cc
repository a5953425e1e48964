// Proves look-ups in a snapshot, publishing to listeners, and that a snapshot file survives a round
// trip while every truncation and every flipped byte is reported as DataLoss naming the file.
#include "topology/snapshot.h"

#include <catch2/catch.hpp>

#include "base/testing/temporary_directory.h"

namespace plumbago::topology {
namespace {

v1::Snapshot Example() {
  v1::Snapshot snapshot;
  snapshot.set_version(42);
  v1::TopologySnapshot& topology = *snapshot.mutable_topology();
  topology.set_epoch(3);
  v1::Shard& shard = *topology.add_shard();
  shard.set_id("s0");
  shard.set_state(v1::Shard::ACTIVE);
  topology.add_slots()->set_last(kSlotCount - 1);
  topology.mutable_slots(0)->add_shard("s0");
  snapshot.add_tenant()->set_id("acme");
  v1::Key& key = *snapshot.add_key();
  key.set_id("k1");
  key.set_tenant("acme");
  key.set_secret_sha256(std::string(32, '\x07'));
  key.add_scope(v1::Key::INGEST);
  return snapshot;
}

std::shared_ptr<const Snapshot> Build(const v1::Snapshot& proto) {
  auto snapshot = Snapshot::FromProto(proto);
  INFO(snapshot.status().ToString());
  REQUIRE(snapshot.ok());
  return *snapshot;
}

struct SnapshotFile {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  std::string path = directory.path() + "/snapshot.pb";
};

TEST_CASE("Snapshot finds tenants by id and keys by the hash of their secret", "[topology]") {
  const auto snapshot = Build(Example());
  CHECK(snapshot->version() == 42);
  CHECK(snapshot->slot_map()->epoch() == 3);
  REQUIRE(snapshot->FindTenant("acme") != nullptr);
  CHECK(snapshot->FindTenant("acm") == nullptr);
  const KeyGrant* grant = snapshot->FindKey(std::string(32, '\x07'));
  REQUIRE(grant != nullptr);
  CHECK(grant->key_id == "k1");
  CHECK(grant->tenant == snapshot->FindTenant("acme"));
  CHECK(grant->Allows(v1::Key::INGEST));
  CHECK_FALSE(grant->Allows(v1::Key::READ));
  CHECK(snapshot->FindKey(std::string(32, '\x08')) == nullptr);
}

TEST_CASE("Snapshot does not find a revoked key", "[topology]") {
  v1::Snapshot proto = Example();
  proto.mutable_key(0)->set_revoked_unix_ms(1);
  CHECK(Build(proto)->FindKey(std::string(32, '\x07')) == nullptr);
}

TEST_CASE("Snapshot refuses doubled tenants, doubled secrets and keys of no tenant", "[topology]") {
  const auto refused = [](const v1::Snapshot& proto) {
    return Snapshot::FromProto(proto).status().code() == absl::StatusCode::kInvalidArgument;
  };
  v1::Snapshot proto = Example();
  proto.add_tenant()->set_id("acme");
  CHECK(refused(proto));
  proto = Example();
  *proto.add_key() = proto.key(0);
  CHECK(refused(proto));
  proto = Example();
  proto.mutable_key(0)->set_tenant("other");
  CHECK(refused(proto));
  proto = Example();
  proto.mutable_topology()->clear_slots();
  CHECK(refused(proto));
}

TEST_CASE("SnapshotHolder gives the last snapshot and tells its listeners", "[topology]") {
  SnapshotHolder holder;
  CHECK(holder.Get() == nullptr);
  std::vector<uint64_t> seen;
  holder.AddListener([&](const auto& snapshot) {
    CHECK(holder.Get() == snapshot);
    seen.push_back(snapshot->version());
  });
  holder.Publish(Build(Example()));
  v1::Snapshot older = Example();
  older.set_version(1);
  holder.Publish(Build(older));
  CHECK(holder.Get()->version() == 1);
  CHECK(seen == std::vector<uint64_t>{42, 1});
}

TEST_CASE("A saved snapshot loads as it was", "[topology]") {
  SnapshotFile file;
  REQUIRE(SaveSnapshot(*file.file_system, file.path, *Build(Example())).ok());
  const auto loaded = LoadSnapshot(*file.file_system, file.path);
  REQUIRE(loaded.ok());
  CHECK((*loaded)->proto().SerializeAsString() == Example().SerializeAsString());
}

TEST_CASE("A missing snapshot file is NotFound", "[topology]") {
  SnapshotFile file;
  CHECK(LoadSnapshot(*file.file_system, file.path).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("A snapshot file cut or flipped at any byte is DataLoss and names the file",
          "[topology]") {
  SnapshotFile file;
  REQUIRE(SaveSnapshot(*file.file_system, file.path, *Build(Example())).ok());
  const std::string good = base::ReadWholeFile(*file.file_system, file.path, 1 << 20).value();
  const auto check_damaged = [&](const std::string& content) {
    REQUIRE(base::WriteFileAtomically(*file.file_system, file.path, content).ok());
    const absl::Status status = LoadSnapshot(*file.file_system, file.path).status();
    CHECK(status.code() == absl::StatusCode::kDataLoss);
    CHECK_THAT(std::string(status.message()), Catch::Contains(file.path));
  };
  for (size_t i = 0; i < good.size(); ++i) {
    check_damaged(good.substr(0, i));
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    check_damaged(flipped);
  }
}

}  // namespace
}  // namespace plumbago::topology

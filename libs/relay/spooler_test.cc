// Proves the way of a batch through the spool and back: what is written, in which order it comes
// again, when a segment goes, where points go after the slot map has changed, and what bounds,
// restarts, damage and full disks do. Steps the spooler without its thread, but for the last case.
#include "relay/spooler.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "relay/testing/spooler_fixture.h"

namespace plumbago::relay {
namespace {

namespace fs = std::filesystem;
using base::testing::FaultFileSystem;
using testing::Destination;
using testing::MapOf;
using testing::Point;
using Fixture = testing::SpoolerFixture;

TEST_CASE("What is handed over is written, replayed, and removed when it is accepted",
          "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  REQUIRE(f.Append("a", "x", 1));
  REQUIRE(f.Append("a", "x", 2));
  CHECK(f.spooler->queued_bytes() > 0);
  f.Run();
  CHECK(f.spooler->queued_bytes() == 0);
  CHECK(f.shards["a"].held.size() == 2);
  CHECK(f.FileCount("a", ".journal") == 1);
  f.shards["a"].Accept(1);
  f.Run();
  CHECK(f.FileCount("a", ".journal") == 1);
  CHECK(f.Metric("plumbago_relay_spool_bytes", "a") > 0);
  CHECK(f.Metric("plumbago_relay_spool_oldest_age_seconds", "a") > 5);
  f.shards["a"].Accept(1);
  f.Run();
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}, {2, 1}});
  CHECK(f.Metric("plumbago_relay_points_spooled_total", "a") == 2);
  CHECK(f.Metric("plumbago_relay_points_replayed_total", "a") == 2);
  CHECK(f.Metric("plumbago_relay_spool_bytes", "a") == 0);
}

TEST_CASE("A sender who waits is told as soon as his batch is written and synced, not before",
          "[spooler]") {
  Fixture f;
  f.Start();
  REQUIRE(f.Append("a", "early", 1));
  f.Run(1);  // with the sync that is due at intervals
  const auto delivery = std::make_shared<Delivery>();
  const auto is_told = [&] { return delivery->Wait(f.clock, f.clock.Monotonic()); };
  for (const std::string shard : {"a", "b"}) {
    auto batch = f.MakeBatch("x", 1, 1);
    delivery->AddBatch();
    batch->delivery = delivery;
    REQUIRE(f.spooler->SpoolOf(shard).Append(batch, BatchSpool::Bounds::kKeep));
  }
  CHECK_FALSE(is_told());
  f.faulty.Set(
      {.nth = 1, .kinds = FaultFileSystem::kWrite, .fault = FaultFileSystem::Fault::kNoSpace});
  f.spooler->Step();
  REQUIRE(f.faulty.has_failed());
  CHECK_FALSE(is_told());  // of one of them
  f.clock.Advance(absl::Milliseconds(1001));
  f.spooler->Step();
  CHECK(is_told());
}

TEST_CASE("The newest segment is replayed first", "[spooler]") {
  Fixture f;
  f.options.segment_bytes_max = 1;  // one batch each
  f.Start();
  for (uint32_t i = 1; i <= 4; ++i) {
    REQUIRE(f.Append("a", "x", i));
    f.Run(1);
  }
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{4, 1}, {3, 1}, {2, 1}, {1, 1}});
}

TEST_CASE("A batch keeps the time of its arrival", "[spooler]") {
  Fixture f;
  f.Start();
  const int64_t arrival = absl::ToUnixMillis(f.clock.Now());
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.shards["a"].arrivals == std::vector<int64_t>{arrival});
}

TEST_CASE("While a shard is down one batch tries whether it is back", "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  BatchSpool& spool = f.spooler->SpoolOf("a");
  spool.ReportDown("test");
  for (uint32_t i = 1; i <= 5; ++i) REQUIRE(f.Append("a", "x", i));
  f.Run();
  CHECK(f.shards["a"].held.size() == 1);
  CHECK(spool.is_down());
  f.shards["a"].Accept(1);
  f.Run(1);
  CHECK_FALSE(spool.is_down());
  f.Run();
  CHECK(f.shards["a"].held.size() == 4);
}

TEST_CASE("A shard is found down by the replay alone, and up again", "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.shards["a"].is_failing = true;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  CHECK(f.spooler->SpoolOf("a").is_down());
  f.shards["a"].is_failing = false;
  f.shards["a"].Accept();
  f.Run();
  CHECK_FALSE(f.spooler->SpoolOf("a").is_down());
}

TEST_CASE("The replay waits while a shard is slow", "[spooler]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.spooler->SpoolOf("a").AddSlowLanes(1);
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  CHECK(f.shards["a"].batch_count == 0);
  f.spooler->SpoolOf("a").AddSlowLanes(-1);
  f.Run();
  CHECK(f.shards["a"].batch_count == 1);
}

TEST_CASE("The replay keeps to its rate", "[spooler]") {
  Fixture f;
  f.options.replay.points_per_second = 1000;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  for (uint32_t i = 0; i < 20; ++i) {
    auto batch = f.MakeBatch("x", 1000 * i, 1, 500);
    REQUIRE(f.spooler->SpoolOf("a").Append(batch, BatchSpool::Bounds::kKeep));
  }
  f.Run(50);  // 5 s
  const size_t points = f.shards["a"].points["x"].size();
  CHECK(points >= 4500);
  CHECK(points <= 5500);
}

TEST_CASE("Points of a shard that left the map are replayed to the new owners", "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  CHECK(f.shards["a"].held.size() == 1);
  f.spooler->SetSlotMap(MapOf(2, {"b", "c"}));
  f.Run();
  CHECK(f.shards["b"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.shards["c"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.Metric("plumbago_relay_points_rerouted_total", "a") == 2);
}

TEST_CASE("Points whose slots have moved are replayed to the new owner", "[spooler]") {
  Fixture f;
  f.Start();
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  f.spooler->SetSlotMap(MapOf(5, {"b"}, {"a"}));
  f.Run();
  CHECK(f.shards["a"].batch_count == 0);
  CHECK(f.shards["b"].points["x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("A spool of an earlier process is taken up, whatever the shard is called", "[spooler]") {
  const std::string id = GENERATE("a", "zone/1:x", "..", "%41");
  Fixture f;
  f.Start();
  REQUIRE(f.Append(id, "x", 1));
  f.Run(1);
  f.spooler = nullptr;
  f.Start().SetSlotMap(MapOf(1, {id}));
  f.Run();
  CHECK(f.shards[id].points["x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("Stopping writes what waits, and what is on its way comes again", "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  REQUIRE(f.Append("a", "x", 2));
  CHECK(f.spooler->Stop() == 0);
  f.spooler = nullptr;
  f.shards.clear();
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{2, 1}, {1, 1}});
}

TEST_CASE("A spool takes what its memory and its disk allow, and no more", "[spooler]") {
  Fixture f;
  f.options.queue_bytes_max = 2000;
  f.options.bytes_max = 10'000;
  f.Start();
  size_t taken = 0;
  while (f.Append("a", "x", static_cast<uint32_t>(taken))) ++taken;
  CHECK(taken > 5);
  CHECK(f.spooler->queued_bytes() <= 2000);
  CHECK(f.Append("b", "x", 1) == false);  // the memory is shared
  f.Run(1);
  for (int i = 0; i < 200; ++i) {
    if (f.Append("a", "x", static_cast<uint32_t>(taken))) ++taken;
    f.Run(1);
  }
  CHECK_FALSE(f.spooler->SpoolOf("a").HasRoom(1000));
  CHECK(f.Append("b", "x", 1));
  CHECK(f.Metric("plumbago_relay_spool_bytes", "a") <= 10'000);
  f.spooler->SetSlotMap(MapOf(1, {"a"}, {"b"}));
  f.Run(100);
  CHECK(f.shards["a"].points["x"].size() >= taken);
  CHECK(f.spooler->SpoolOf("a").HasRoom(1000));
}

TEST_CASE("A disk below its low mark takes nothing", "[spooler]") {
  Fixture f;
  f.options.disk_free_bytes_min = UINT64_MAX;
  f.Start();
  CHECK_FALSE(f.Append("a", "x", 1));
}

TEST_CASE("A full disk is waited for with everything that was taken", "[spooler]") {
  Fixture f;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.faulty.Set({.nth = 1,
                .kinds = FaultFileSystem::kChange,
                .fault = FaultFileSystem::Fault::kNoSpace,
                .after = FaultFileSystem::After::kDead});
  REQUIRE(f.Append("a", "x", 1));
  f.Run();
  CHECK_FALSE(f.spooler->SpoolOf("a").HasRoom(1));
  CHECK(f.spooler->queued_bytes() > 0);
  CHECK(f.Metric("plumbago_relay_spool_write_failures_total", "a") == 1);
  f.faulty.Set({});
  f.Run();
  CHECK(f.spooler->SpoolOf("a").HasRoom(1));
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("A disk that refuses any one call loses no point", "[spooler]") {
  for (uint64_t nth = 1;; ++nth) {
    INFO("call " << nth);
    Fixture f;
    f.options.segment_bytes_max = 200;
    f.Start();
    f.faulty.Set({.nth = nth,
                  .kinds = FaultFileSystem::kChange | FaultFileSystem::kRemove,
                  .fault = FaultFileSystem::Fault::kShortWrite});
    for (uint32_t i = 0; i < 8; ++i) {
      REQUIRE(f.Append("a", "x", i));
      f.Run(12);  // a second attempt comes after 1 s
    }
    f.spooler->SetSlotMap(MapOf(1, {"a"}));
    f.Run(60);
    std::set<uint32_t> times;
    for (const Point& point : f.shards["a"].points["x"]) times.insert(point.time);
    CHECK(times.size() == 8);
    if (!f.faulty.has_failed()) break;
  }
}

TEST_CASE("A damaged segment is replayed as far as it is intact, and set aside", "[spooler]") {
  Fixture f;
  f.Start();
  for (uint32_t i = 1; i <= 3; ++i) REQUIRE(f.Append("a", absl::StrCat("m", i), i));
  f.Run();
  f.spooler = nullptr;
  const std::string path = f.options.directory + "/a/0000000000000001.journal";
  std::string bytes = base::ReadWholeFile(*f.real, path, 1 << 20).value();
  bytes[bytes.find("m2")] = 'n';  // the record that names it
  REQUIRE(base::WriteFileAtomically(*f.real, path, bytes).ok());
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.shards["a"].points.count("m1") == 1);
  CHECK(f.shards["a"].points.count("m2") == 0);
  CHECK(f.shards["a"].points.count("m3") == 1);
  CHECK(f.FileCount("a", ".journal") == 0);
  CHECK(f.FileCount("a", ".damaged") == 1);
  CHECK(f.Metric("plumbago_relay_spool_segments_damaged_total", "a") == 1);
  CHECK(f.metrics.dropped(DropReason::kSpoolDamaged).Value() == 1);
}

TEST_CASE("A segment that cannot be read is set aside, and the others are replayed", "[spooler]") {
  Fixture f;
  f.options.segment_bytes_max = 1;
  f.Start();
  for (uint32_t i = 1; i <= 2; ++i) {
    REQUIRE(f.Append("a", "x", i));
    f.Run(1);
  }
  f.faulty.Set({.nth = 1, .kinds = FaultFileSystem::kRead});
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
  CHECK(f.FileCount("a", ".damaged") == 1);
}

TEST_CASE("A relay that is out of file descriptors for a moment sets nothing aside", "[spooler]") {
  Fixture f;
  f.Start();
  REQUIRE(f.Append("a", "x", 1));
  f.Run(1);
  f.faulty.Set({.nth = 1,
                .kinds = FaultFileSystem::kOpen,
                .fault = FaultFileSystem::Fault::kNoSpace,  // the same code as EMFILE
                .after = FaultFileSystem::After::kDead});
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  CHECK(f.FileCount("a", ".damaged") == 0);
  f.faulty.Set({});
  f.Run();
  CHECK(f.shards["a"].points["x"] == std::vector<Point>{{1, 1}});
}

routing::Endpoint EndpointAt(const std::string& text) {
  return routing::ParseEndpoint(text, routing::Protocol::kPickle).value();
}

TEST_CASE("The spool of an endpoint is replayed to it, whatever the slot map says", "[spooler]") {
  Fixture f;
  const bool has_map = GENERATE(false, true);
  const routing::Endpoint endpoint = EndpointAt("h:2004:a");
  Destination& destination = f.endpoints["pickle://h:2004:a"];
  destination.accepts_at_once = false;
  f.Start().SetEndpoints({endpoint});
  if (has_map) f.spooler->SetSlotMap(MapOf(1, {"a"}));
  for (uint32_t i = 1; i <= 2; ++i) {
    auto batch = f.MakeBatch("x", i, 1);
    REQUIRE(f.spooler->SpoolOf(endpoint).Append(batch, BatchSpool::Bounds::kKeep));
  }
  f.Run();
  CHECK(destination.held.size() == 2);
  f.spooler->SetSlotMap(MapOf(2, {"b"}));  // does not send what is on its way again
  f.spooler->SetEndpoints({endpoint, EndpointAt("other:2004")});
  f.Run();
  CHECK(destination.batch_count == 2);
  destination.Accept();
  f.Run();
  CHECK(destination.points["x"] == std::vector<Point>{{1, 1}, {2, 1}});
  CHECK(f.shards.empty());
  CHECK(f.FileCount("@pickle%3A%2F%2Fh%3A2004%3Aa", ".journal") == 0);
  CHECK(f.registry.Scrape().find("plumbago_relay_destination_points_replayed_total{destination="
                                 "\"pickle://h:2004:a\"} 2") != std::string::npos);
}

TEST_CASE("The spool of an endpoint that is not configured is kept until it is again",
          "[spooler]") {
  Fixture f;
  const routing::Endpoint endpoint = EndpointAt("plaintext://h:2003");
  f.Start();
  auto batch = f.MakeBatch("x", 1, 1);
  REQUIRE(f.spooler->SpoolOf(endpoint).Append(batch, BatchSpool::Bounds::kKeep));
  f.Run(1);
  f.spooler = nullptr;
  f.Start().SetEndpoints({EndpointAt("other:2004")});
  f.spooler->SetSlotMap(MapOf(1, {"a"}));
  f.Run();
  const auto is_not_configured = [&] {
    return f.registry.Scrape().find(
               "plumbago_relay_destination_state{destination=\"h:2003\",state="
               "\"not_configured\"} 1") != std::string::npos;
  };
  CHECK(is_not_configured());
  CHECK(f.endpoints["h:2003"].batch_count == 0);
  CHECK(f.FileCount("@h%3A2003", ".journal") == 1);
  f.spooler->SetEndpoints({endpoint});
  f.Run();
  CHECK_FALSE(is_not_configured());
  CHECK(f.endpoints["h:2003"].points["x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("An endpoint that is taken out while its spool is replayed gets the rest when it is back",
          "[spooler]") {
  Fixture f;
  const routing::Endpoint endpoint = EndpointAt("h:2004");
  Destination& destination = f.endpoints["pickle://h:2004"];
  destination.accepts_at_once = false;
  f.Start().SetEndpoints({endpoint});
  auto batch = f.MakeBatch("x", 1, 1);
  REQUIRE(f.spooler->SpoolOf(endpoint).Append(batch, BatchSpool::Bounds::kKeep));
  f.Run();
  CHECK(destination.held.size() == 1);
  f.spooler->SetEndpoints({});
  f.Run();
  CHECK(destination.held.empty());
  destination.accepts_at_once = true;
  f.spooler->SetEndpoints({endpoint});
  f.Run();
  CHECK(destination.points["x"] == std::vector<Point>{{1, 1}});
}

TEST_CASE("The directory of a spool tells its destination", "[spooler]") {
  const auto check = [](const SpoolDestination& destination) {
    INFO(destination.Describe());
    CHECK(destination.Directory().size() <= 255);
    CHECK(destination.Directory().find('/') == std::string::npos);
    const auto read = SpoolDestination::OfDirectory(destination.Directory());
    REQUIRE(read.has_value());
    CHECK(*read == destination);
  };
  for (const char* id : {"a", "@a", "..", "%41", "x/y", "\xff\n"}) {
    check(SpoolDestination::OfShard(id));
  }
  check(SpoolDestination::OfEndpoint(EndpointAt("[::1]:2004:a")));
  const auto file = [](size_t size) {
    return SpoolDestination::OfEndpoint(
        {.protocol = routing::Protocol::kFile, .host = "/" + std::string(size, '/')});
  };
  for (const size_t size : {0, 73, 74, 75, 76, 4000}) check(file(size));
  CHECK(file(4000) != file(4001));
  CHECK(SpoolDestination::OfShard("h:2004") !=
        SpoolDestination::OfEndpoint(EndpointAt("plaintext://h:2004")));
  for (const char* directory : {"", "@", "a b", "%4", "%zz", "%2f", "lost+found"}) {
    INFO(directory);
    CHECK_FALSE(SpoolDestination::OfDirectory(directory).has_value());
  }
}

TEST_CASE("The thread of the spooler does all of this by itself", "[spooler]") {
  Fixture f;
  f.shards["a"].accepts_at_once = false;
  f.Start().SetSlotMap(MapOf(1, {"a"}));
  f.spooler->Start();
  for (uint32_t i = 1; i <= 100; ++i) {
    while (!f.Append("a", "x", i)) std::this_thread::yield();
  }
  while (f.spooler->queued_bytes() > 0) std::this_thread::yield();
  CHECK(f.spooler->Stop() == 0);
  CHECK(f.Metric("plumbago_relay_points_spooled_total", "a") == 100);
}

}  // namespace
}  // namespace plumbago::relay

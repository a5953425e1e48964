// A spooler over a real directory, with destinations that tests are in charge of, stepped without
// its thread. Tests only.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "relay/spooler.h"
#include "relay/testing/fake_stream.h"

namespace plumbago::relay::testing {

// Shard `owner` has all slots; the others none.
inline std::shared_ptr<const topology::SlotMap> MapOf(uint64_t epoch,
                                                      const std::vector<std::string>& owners,
                                                      const std::vector<std::string>& others = {}) {
  v1::TopologySnapshot proto;
  proto.set_epoch(epoch);
  v1::SlotRange* range = proto.add_slots();
  range->set_last(topology::kSlotCount - 1);
  for (const auto* ids : {&owners, &others}) {
    for (const std::string& id : *ids) {
      v1::Shard* shard = proto.add_shard();
      shard->set_id(id);
      shard->set_cache_address("cache-" + id);
      shard->set_state(v1::Shard::ACTIVE);
      if (ids == &owners) range->add_shard(id);
    }
  }
  return topology::SlotMap::FromProto(proto).value();
}

struct SpoolerFixture {
  SpoolerFixture() {
    options.directory = temporary.path() + "/spool";
    options.disk_free_bytes_min = 0;
    options.replay.points_per_second = 1e9;
  }
  Spooler& Start() {
    spooler = std::make_unique<Spooler>(
        options, faulty, clock, registry, metrics,
        Spooler::StreamFactories{.shard =
                                     [this](const topology::ShardInfo& shard) {
                                       return std::make_unique<FakeStream>(shards[shard.id]);
                                     },
                                 .endpoint =
                                     [this](const routing::Endpoint& endpoint) {
                                       return std::make_unique<FakeStream>(
                                           endpoints[routing::Describe(endpoint)]);
                                     }});
    REQUIRE(spooler->TakeUp().ok());
    return *spooler;
  }
  std::unique_ptr<Batch> MakeBatch(const std::string& metric, uint32_t time, double value,
                                   size_t count = 1) {
    auto names = std::make_shared<NameTable>();
    auto batch = std::make_unique<Batch>();
    const uint32_t id = names->Append("t", metric);
    batch->names = names;
    batch->received_unix_ms = absl::ToUnixMillis(clock.Now());
    for (size_t i = 0; i < count; ++i) {
      batch->points.Append(id, time + static_cast<uint32_t>(i), value);
    }
    return batch;
  }
  bool Append(const std::string& shard, const std::string& metric, uint32_t time,
              double value = 1) {
    auto batch = MakeBatch(metric, time, value);
    if (!spooler->SpoolOf(shard).Append(batch, BatchSpool::Bounds::kKeep)) return false;
    ++handed_over_count;
    return true;
  }
  // in - out - held of a relay that has been given points by Append() only, each for one shard.
  double LedgerDifference() {
    double held = metrics.points_held.Value();  // the real stream counts there what it holds
    double difference = handed_over_count;
    for (const auto& [id, shard] : shards) {
      held += static_cast<double>(shard.held_point_count());
      difference += Metric("plumbago_relay_points_replayed_total", id) -
                    Metric("plumbago_relay_points_spooled_total", id);
      for (const auto& [metric, points] : shard.points) {
        difference -= static_cast<double>(points.size());
      }
    }
    return difference - held;
  }
  // Many steps, with time between them.
  void Run(int steps = 30) {
    for (int i = 0; i < steps; ++i) {
      spooler->Step();
      clock.Advance(absl::Milliseconds(100));
    }
  }
  double Metric(const std::string& name, const std::string& shard) {
    const std::string key = absl::StrCat(name, "{shard=\"", shard, "\"} ");
    const std::string text = registry.Scrape();
    const size_t at = text.find(key);
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + key.size()));
  }
  size_t FileCount(const std::string& shard, const std::string& extension) {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options.directory + "/" + shard)) {
      count += entry.path().extension() == extension ? 1 : 0;
    }
    return count;
  }

  base::testing::TemporaryDirectory temporary;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  base::testing::FaultFileSystem faulty{*real};
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  RelayMetrics metrics{registry, "t"};
  std::map<std::string, Destination> shards;
  std::map<std::string, Destination> endpoints;  // by description
  SpoolerOptions options;
  std::unique_ptr<Spooler> spooler;
  double handed_over_count = 0;  // points, by Append()
};

}  // namespace plumbago::relay::testing

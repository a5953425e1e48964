// The spools of all destinations: one thread that writes what lanes hand over, and replays it.
//
// A shard or a foreign endpoint has a spool as soon as somebody asks for it or its directory is
// found at the start. Points for shards are replayed to where the slot map says by then, those for
// an endpoint to that endpoint; while it is not configured they wait. What is handed over waits in
// memory (`queue_bytes_max`, all destinations together) until the thread has
// written it; a kill loses no more than that. What cannot be written is held and tried again each
// second, while HasRoom() is false.
//
// Start, SetSlotMap, SetEndpoints, Stop and the destructor belong to one owner; the others are
// thread-safe. The spools live as long as the spooler. A sync that fails ends the process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "relay/batch_spool.h"
#include "relay/relay_metrics.h"
#include "relay/spool_destination.h"
#include "relay/spool_replay.h"
#include "routing/destination.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

struct SpoolerOptions {
  std::string directory = "";
  uint64_t bytes_max = uint64_t{1}
                       << 30;  // of a destination, on the disk; 0: nothing is ever taken
  uint64_t segment_bytes_max = uint64_t{32} << 20;
  uint64_t disk_free_bytes_min = uint64_t{1} << 30;
  size_t queue_bytes_max = size_t{32} << 20;
  ReplayOptions replay;
};

class DestinationSpool;
struct SpoolShared;

class Spooler final : private SpoolRouting {
 public:
  // Called on the spooler's thread.
  struct StreamFactories {
    std::function<std::unique_ptr<BatchStream>(const topology::ShardInfo& shard)> shard = {};
    std::function<std::unique_ptr<BatchStream>(const routing::Endpoint& endpoint)> endpoint = {};
  };

  // All of them must outlive the spooler.
  Spooler(const SpoolerOptions& options, base::FileSystem& file_system, base::Clock& clock,
          base::Metrics& registry, RelayMetrics& metrics, StreamFactories make_stream);
  ~Spooler() override;

  // Takes up the spools of an earlier process. An error is one of the directory.
  absl::Status TakeUp();
  void Start();

  // From here on replayed points go where `map` says.
  void SetSlotMap(std::shared_ptr<const topology::SlotMap> map);

  // The foreign destinations that are configured from here on. Spools of others are kept as they
  // are, and replayed when theirs comes back.
  void SetEndpoints(const std::vector<routing::Endpoint>& endpoints);

  BatchSpool& SpoolOf(const std::string& shard_id);
  BatchSpool& SpoolOf(const routing::Endpoint& endpoint);

  // Memory that waits to be written, which a kill loses.
  size_t queued_bytes() const;

  // Writes and syncs what it holds, then ends the thread. The bytes that could not be written.
  size_t Stop();

  // What the thread does, again and again: for tests without one. True where there is more to do.
  bool Step();

 private:
  void Run();
  DestinationSpool& Get(const SpoolDestination& destination);
  std::vector<DestinationSpool*> Known();
  void ApplySlotMap();
  void ApplyEndpoints();
  // Those of `kind` that are not in `present` have no way any more.
  void EndOthers(SpoolDestination::Kind kind, const std::vector<DestinationSpool*>& present);
  bool Replay(DestinationSpool& spool);
  void CheckDisk();
  void SyncWhereDue();

  bool OwnersOf(absl::string_view tenant, absl::string_view metric, SpoolOwners* owners) override;
  std::unique_ptr<BatchStream> StreamPast(const SpoolFiles& files) override;
  absl::string_view StableTenant(absl::string_view tenant) override;
  uint64_t epoch() const override { return map_ == nullptr ? 0 : map_->epoch(); }

  const SpoolerOptions options_;
  base::FileSystem& file_system_;
  base::Clock& clock_;
  base::Metrics& registry_;
  RelayMetrics& metrics_;
  const StreamFactories make_stream_;

  const std::unique_ptr<SpoolShared> shared_;

  base::Mutex mutex_;
  std::map<SpoolDestination, std::unique_ptr<DestinationSpool>> spools_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const topology::SlotMap> new_map_ ABSL_GUARDED_BY(mutex_);  // to be applied
  std::optional<std::vector<routing::Endpoint>> new_endpoints_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Owned by the thread.
  std::shared_ptr<const topology::SlotMap> map_;
  std::vector<DestinationSpool*> spool_of_shard_;  // by index into map_->shards()
  DestinationSpool* present_ = nullptr;            // whose replay asks OwnersOf
  std::set<std::string, std::less<>> tenants_;
  absl::Duration next_disk_check_;  // monotonic
  absl::Duration next_sync_;        // monotonic
  bool is_stopped_ = false;         // of the owner

  std::thread thread_;
};

}  // namespace plumbago::relay

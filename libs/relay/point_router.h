// The middle of a relay: points in, batches per shard out. One per reactor, used on its thread
// only.
//
//   lines -> parse -> hash -> series table -> open batch of the shard -> BatchStream
//   points of other protocols ->
//
// A name that is not in the table is checked, gets its slot and its shards from the slot map and an
// id on each shard's stream. When the names outgrow their bound or the slot map changes, all of
// them are forgotten and learnt again. Batches leave when full or `batch_delay` old.
//
// A shard that is down or slow gets its batches through a spool, where there is one. The caller
// stops feeding while is_backlogged(): the router holds at most `in_flight_bytes_max`, plus what
// one read from a socket adds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "metric/line_parser.h"
#include "relay/batch.h"
#include "relay/batch_spool.h"
#include "relay/lane_sender.h"
#include "relay/line_cutter.h"
#include "relay/relay_metrics.h"
#include "relay/series_table.h"
#include "relay/source.h"
#include "relay/tenant_table.h"
#include "topology/slot_map.h"

namespace plumbago::relay {

struct RouterOptions {
  std::string tenant = "default";  // of sources that nothing else is known of; empty: refused
  std::shared_ptr<TenantLimiters> limiters;  // of the process, shared by its routers; may be null
  size_t name_bytes_max = metric::kMetricBytesMax;
  size_t batch_points_max = 8192;
  absl::Duration batch_delay = absl::Milliseconds(50);
  size_t dictionary_bytes_max = size_t{512} << 20;
  // Of batches that no shard has accepted; each shard may use an equal part.
  size_t in_flight_bytes_max = size_t{96} << 20;
  absl::Duration stall_timeout =
      absl::Seconds(2);  // a shard that takes nothing for so long is down
};

// So much a shard may always use, that its stream has enough on the way.
inline constexpr size_t kLaneBytesMin = size_t{512} << 10;

class PointRouter {
 public:
  using StreamFactory =
      std::function<std::unique_ptr<BatchStream>(const topology::ShardInfo& shard)>;

  // Gives the spool of a shard, which must outlive the router, or null.
  using SpoolFinder = std::function<BatchSpool*(const topology::ShardInfo& shard)>;

  // `metrics` and `clock` must outlive the router.
  PointRouter(const RouterOptions& options, base::Clock& clock, RelayMetrics& metrics,
              StreamFactory make_stream, SpoolFinder find_spool);
  ~PointRouter();

  // From here on points go where `map` says. Without a map (or with an empty one) the router is
  // backlogged. What a shard has not accepted when it leaves the map goes to the new owners.
  void SetSlotMap(std::shared_ptr<const topology::SlotMap> map);

  // Slot map, tenants, keys and limits.
  void SetSnapshot(const std::shared_ptr<const topology::Snapshot>& snapshot);

  // The number of a tenant, for Source; the same for the life of the router.
  TenantIndex TenantOf(absl::string_view tenant) { return tenants_.IndexOf(tenant); }

  const std::string& NameOf(TenantIndex tenant) { return tenants_.at(tenant).id; }
  // Whether the tenant exists and may write.
  bool IsAdmitted(TenantIndex tenant) { return tenants_.at(tenant).is_admitted; }

  // Whether names may begin with a key.
  bool has_keys() const { return tenants_.has_keys(); }

  // Whose points come next. The default tenant's lines at first.
  void SetSource(const Source& source);

  // For points whose sender cannot wait: from kRefuse on, those for shards that have neither memory
  // nor a spool left are refused and counted. Call it again when the backlog may have changed.
  enum class FullShards { kHold, kRefuse };
  void SetFullShards(FullShards mode);

  // The sink of LineCutter.
  void OnLines(absl::Span<const absl::string_view> lines);
  void OnLongLine(absl::string_view head);

  // A point that is decoded already. A value: why it was not taken.
  std::optional<DropReason> OnPoint(absl::string_view metric, uint32_t time_seconds, double value);
  // Counts what a decoder refused.
  void OnRefused(DropReason reason, absl::string_view excerpt);

  // While it is set, batches are opened for one sender, who waits for them: set it before his
  // points, Flush() and reset it after them.
  void SetDelivery(std::shared_ptr<Delivery> delivery) { delivery_ = std::move(delivery); }

  // Points refused so far because of their key; a listener closes who sends many.
  uint64_t unknown_key_count() const { return unknown_key_count_; }

  // Sends batches that are old enough, looks after the shards and publishes the counters. Call at
  // least each batch_delay.
  void Tick();

  // Sends every open batch now.
  void Flush();

  enum class Backlog {
    kNone,
    kFullShard,  // a shard has neither memory nor a spool left; the others go on
    kAll,        // no shard keeps up, or there is no slot map: senders have to wait
  };
  // May begin to bring the batches of a slow shard to its spool.
  Backlog backlog();
  bool is_backlogged() { return backlog() != Backlog::kNone; }

  // Gives everything that is not accepted to the spools. What is left then in
  // unacknowledged_bytes() has none.
  void SpoolEverything();

  // Open batches included.
  size_t unacknowledged_bytes() const;
  size_t known_series() const { return table_.size(); }

 private:
  // The reactor's way to one shard.
  struct Lane {
    topology::ShardInfo shard;
    std::unique_ptr<LaneSender> sender;
    std::shared_ptr<NameTable> names;
    std::unique_ptr<Batch> open;  // null while empty
    absl::Duration opened_at;     // monotonic
    bool is_in_map = true;        // of an active shard of the current map
    bool is_refused = false;      // see SetFullShards
  };
  struct Pending {
    metric::ParsedLine line;
    NameHash hash;
    TenantState* tenant;
  };

  void Append(const Route& route, const metric::ParsedLine& line);
  void AppendToLane(Lane& lane, uint32_t series_id, const metric::ParsedLine& line);
  // Fills `pending`, and returns how many of the lines are points.
  size_t Parse(absl::Span<const absl::string_view> lines, Pending* pending);
  // Counts a point. False where it was refused.
  bool Take(const Pending& pending);
  // Cuts a key off the name. False where it is not valid (and the point was counted).
  bool ResolveKey(Pending& pending);
  // Asks the limiter for more. False where the tenant has to wait or may not write (counted).
  bool Refill(const Pending& pending);
  // Null where the point has to be refused (and was counted).
  const Route* Learn(const Pending& pending);
  // Where shards may be full, the ones that are not.
  void Deliver(const Route& route, const Pending& pending);
  std::vector<std::unique_ptr<Batch>> RemoveLanesOutside(const topology::SlotMap& map);
  void Reroute(const Batch& batch);
  bool CheckName(const Pending& pending);
  bool ChooseLanes(const std::string& tenant, absl::string_view metric,
                   std::vector<uint16_t>* lanes);
  void OpenBatch(Lane& lane);
  void Send(Lane& lane);
  void ForgetNames();
  void ForgetNamesIfAsked(absl::Duration now);
  void ShareMemory();
  bool AnotherKeepsUp(const Lane& lane) const;
  uint16_t LaneOf(const topology::ShardInfo& shard);
  void CountReceived(TenantState& tenant, uint64_t count);
  void Drop(TenantState& tenant, DropReason reason, absl::string_view line);
  void MarkDirty(TenantState& tenant);
  void PublishCounters();
  void Publish(TenantState& tenant);
  void LogDrops();

  const RouterOptions options_;
  base::Clock& clock_;
  RelayMetrics& metrics_;
  const StreamFactory make_stream_;
  const SpoolFinder find_spool_;
  const uint64_t hash_seed_;

  TenantTable tenants_;  // before the lanes: their names point into it
  TenantState* tenant_;  // of what comes next
  Protocol protocol_ = Protocol::kPlaintext;
  bool is_tenant_certain_ = false;
  std::shared_ptr<Delivery> delivery_;

  std::shared_ptr<const topology::SlotMap> map_;
  std::vector<uint16_t> lane_of_shard_;  // by index into map_->shards()
  std::vector<std::unique_ptr<Lane>> lanes_;
  SeriesTable table_;
  struct Target {
    uint16_t lane;
    uint32_t series_id;
  };
  std::vector<Target> more_targets_;  // of routes with several replicas
  FullShards full_shards_ = FullShards::kHold;
  std::string canonical_;  // scratch of Learn

  bool is_asked_to_forget_ = false;                                // by a cache: see ForgetNames
  absl::Duration names_forgotten_at_ = -absl::InfiniteDuration();  // monotonic

  uint32_t now_seconds_ = 0;
  int64_t now_unix_ms_ = 0;

  // Counted here and published per tick.
  std::vector<TenantState*> dirty_tenants_;
  DropReason last_drop_{};
  uint64_t unknown_key_count_ = 0;
  uint64_t dropped_since_log_ = 0;
  std::string drop_example_;
  absl::Duration last_drop_log_;
};

}  // namespace plumbago::relay

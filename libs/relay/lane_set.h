// The ways out of a router: a lane to each shard of the slot map and to each foreign endpoint of
// the rules. A lane collects points in its open batch and hands it to its sender when it is full or
// old.
//
// A lane keeps what it holds while its shard or endpoint stays, through new slot maps and rules.
// Lanes are known by index until the next SetShards or SetEndpoints; forget the names, and whatever
// leads to lanes, before these. For one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "metric/line_parser.h"
#include "relay/batch.h"
#include "relay/lane_sender.h"
#include "relay/relay_metrics.h"
#include "relay/router_factories.h"

namespace plumbago::relay {

// So much a shard may always use, that its stream has enough on the way.
inline constexpr size_t kLaneBytesMin = size_t{512} << 10;

// What becomes of points for a foreign endpoint that has neither memory nor a spool left.
enum class ForeignFull {
  kDrop,   // they are counted as destination_full; nobody waits
  kPause,  // as for a shard: senders wait, or their points for it are refused
};

// For points whose sender cannot wait: with kRefuse, those for lanes that have neither memory nor a
// spool left are refused.
enum class FullLanes { kHold, kRefuse };

enum class Backlog {
  kNone,
  kFullShard,  // a shard has neither memory nor a spool left; the others go on
  kAll,        // no shard keeps up, or there is no slot map: senders have to wait
};

struct LaneOptions {
  size_t batch_points_max = 8192;
  absl::Duration batch_delay;
  size_t in_flight_bytes_max = 0;
  absl::Duration stall_timeout;
  ForeignFull foreign_full = ForeignFull::kDrop;
};

class LaneSet {
 public:
  // `clock` and `metrics` must outlive the set.
  LaneSet(const LaneOptions& options, base::Clock& clock, RelayMetrics& metrics,
          RouterFactories factories);
  ~LaneSet();

  // Lanes to the shards of `map`, and to no others. Returns what those that left have not accepted.
  std::vector<std::unique_ptr<Batch>> SetShards(const topology::SlotMap& map);
  // Nothing is known about shards any more: what is held stays, nobody waits for it.
  void SuspendShards();
  // The same for foreign endpoints. What is unsent goes to their spools; what has none is returned.
  std::vector<std::unique_ptr<Batch>> SetEndpoints(absl::Span<const routing::Endpoint> endpoints);

  // By index into the shards of the slot map, or into the endpoints.
  uint16_t lane_of_shard(size_t shard) const { return lane_of_shard_[shard]; }
  uint16_t lane_of_endpoint(size_t endpoint) const { return lane_of_endpoint_[endpoint]; }

  // The lane's number for a series. Not more than NameTable::kSeriesMax; see is_full().
  uint32_t AddName(uint16_t lane, absl::string_view tenant, absl::string_view metric);
  // The number in lane `to` of a series that lane `from` knows.
  uint32_t CopyName(uint16_t from, uint32_t series_id, uint16_t to);
  // New name tables, so that the streams start again with empty dictionaries.
  void ForgetNames();
  // Of the lanes to shards.
  std::vector<std::shared_ptr<const NameTable>> shard_names() const;
  size_t name_bytes() const;
  bool is_full() const;  // of names

  void Append(uint16_t lane, uint32_t series_id, const metric::ParsedLine& line) {
    Lane& to = *lanes_[lane];
    if (to.open == nullptr) OpenBatch(to);
    to.open->points.Append(series_id, line.time_seconds, line.value);
    if (to.open->point_count() >= options_.batch_points_max) Send(to);
  }

  // Whether points for it have to be refused now.
  bool is_refused(uint16_t lane) const { return lanes_[lane]->is_refused; }
  // Whether a foreign endpoint took what it was sent when it was last looked at.
  bool is_up(uint16_t lane) const { return lanes_[lane]->is_up; }
  bool is_foreign(uint16_t lane) const { return lanes_[lane]->endpoint.has_value(); }
  // "up", "slow" or "down", for people.
  const char* StateWord(uint16_t lane) const;

  void SetFullLanes(FullLanes mode);

  // While it is set, batches to shards are opened for one sender, who waits for them.
  void SetDelivery(std::shared_ptr<Delivery> delivery) { delivery_ = std::move(delivery); }

  // Sends batches that are old enough and looks after shards and endpoints.
  void Tick(int64_t now_unix_ms);
  // Sends every open batch now.
  void Flush();

  // May begin to bring the batches of a slow lane to its spool.
  Backlog backlog();

  // Whether a cache has asked, since the last call, for names that are not in use any more to be
  // forgotten.
  bool TakeFreshNamesRequest();

  void SpoolEverything();
  size_t unacknowledged_bytes() const;  // open batches included
  // Points that are neither with a stream nor with a spool: of open batches, and of those that a
  // cache has refused.
  size_t own_point_count() const;

 private:
  struct Lane {
    topology::ShardInfo shard;                  // without an endpoint
    std::optional<routing::Endpoint> endpoint;  // foreign
    std::unique_ptr<LaneSender> sender;
    std::shared_ptr<NameTable> names;
    std::unique_ptr<Batch> open;  // null while empty
    absl::Duration opened_at;     // monotonic
    size_t last_point_count = 0;  // of the last batch
    bool is_in_use = true;        // a foreign endpoint, or an active shard of the current map
    bool is_refused = false;
    bool is_up = true;
    // Ids of series that came from another lane, by that lane and its id. See CopyName.
    absl::flat_hash_map<uint64_t, uint32_t> copied;
  };

  uint16_t AddLane(std::unique_ptr<Lane> lane, std::unique_ptr<BatchStream> stream,
                   BatchSpool* spool);
  uint16_t LaneTo(const topology::ShardInfo& shard);
  uint16_t LaneTo(const routing::Endpoint& endpoint);
  void FindLanesAgain();
  void ShareMemory();
  void OpenBatch(Lane& lane);
  void Send(Lane& lane);
  Backlog BacklogOfShard(Lane& lane);
  Backlog BacklogOfEndpoint(Lane& lane);
  bool AnotherKeepsUp(const Lane& lane) const;

  const LaneOptions options_;
  base::Clock& clock_;
  RelayMetrics& metrics_;
  const RouterFactories factories_;

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<topology::ShardInfo> shards_;  // of the map
  std::vector<routing::Endpoint> endpoints_;
  std::vector<uint16_t> lane_of_shard_;
  std::vector<uint16_t> lane_of_endpoint_;
  uint64_t epoch_ = 0;
  int64_t now_unix_ms_ = 0;
  std::shared_ptr<Delivery> delivery_;
};

}  // namespace plumbago::relay

// The counters of a relay, by reason and tenant. Thread-safe; the objects live as long as Metrics.
#pragma once

#include <array>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "relay/drop_reason.h"
#include "relay/source.h"

namespace plumbago::relay {

class RelayMetrics {
 public:
  // `tenant` is the default tenant, whose counters are there from the start.
  RelayMetrics(base::Metrics& metrics, const std::string& tenant);

  base::Counter& points_received(const std::string& tenant, Protocol protocol);
  // Made when a reason first occurs, so that many tenants do not make many empty counters.
  base::Counter& dropped(const std::string& tenant, Protocol protocol, DropReason reason);
  // Of the default tenant's plaintext, or of points of which neither is known any more.
  base::Counter& dropped(DropReason reason) {
    return dropped(default_tenant_, Protocol::kPlaintext, reason);
  }
  // `reason` is a stable word of docs/protocols.md.
  base::Counter& connections_refused(const std::string& reason);
  base::Counter& connections_closed(Protocol protocol, const std::string& reason);
  // Points that the cache of a shard has accepted.
  base::Counter& shard_points_acknowledged(const std::string& shard);

  // Sums over all tenants; of the reasons also over all protocols.
  std::array<double, kProtocolCount> ReceivedByProtocol();
  std::array<double, kDropReasonCount> DroppedByReason();

  base::Counter& points_acknowledged;
  base::Counter& points_refused_by_cache;
  base::Counter& bytes_received;
  base::Counter& batches_sent;
  base::Counter& batches_resent;
  base::Counter& points_resent;
  base::Counter& points_replicated;
  base::Counter& points_aggregated;
  base::Counter& dictionary_resets;
  base::Counter& reads_paused;
  base::Counter& kernel_drops_udp;
  base::Gauge& connections;
  base::Gauge& unacknowledged_bytes;
  base::Gauge& known_series;
  base::Gauge& points_held;

 private:
  base::Metrics& registry_;
  const std::string default_tenant_;

  base::Mutex mutex_;
  absl::flat_hash_map<const base::Counter*, Protocol> received_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<const base::Counter*, DropReason> dropped_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::relay

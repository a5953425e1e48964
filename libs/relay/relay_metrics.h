// The counters of a relay, by reason and tenant. Thread-safe; the objects live as long as Metrics.
#pragma once

#include <string>

#include "base/metrics.h"
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

  base::Counter& points_acknowledged;
  base::Counter& points_refused_by_cache;
  base::Counter& bytes_received;
  base::Counter& batches_sent;
  base::Counter& batches_resent;
  base::Counter& dictionary_resets;
  base::Counter& reads_paused;
  base::Counter& kernel_drops_udp;
  base::Gauge& connections;
  base::Gauge& unacknowledged_bytes;
  base::Gauge& known_series;

 private:
  base::Metrics& registry_;
  const std::string default_tenant_;
};

}  // namespace plumbago::relay

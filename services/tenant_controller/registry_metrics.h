// What the registry holds, as gauges. Thread-safe.
#pragma once

#include "base/metrics.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::tenant_controller {

class RegistryMetrics {
 public:
  explicit RegistryMetrics(base::Metrics& metrics)
      : version_(metrics.AddGauge("plumbago_controller_snapshot_version",
                                  "Version of the snapshot that is pushed")),
        epoch_(metrics.AddGauge("plumbago_controller_epoch", "Epoch of the slot map")),
        tenants_(metrics.AddGauge("plumbago_controller_tenants",
                                  "Tenants in the registry, deleted ones included")),
        keys_(metrics.AddGauge("plumbago_controller_keys",
                               "Keys in the registry, revoked ones included")),
        shards_(metrics.AddGauge("plumbago_controller_shards", "Shards in the registry")) {}

  void Update(const v1::Snapshot& snapshot) {
    version_.Set(static_cast<double>(snapshot.version()));
    epoch_.Set(static_cast<double>(snapshot.topology().epoch()));
    tenants_.Set(snapshot.tenant_size());
    keys_.Set(snapshot.key_size());
    shards_.Set(snapshot.topology().shard_size());
  }

 private:
  base::Gauge& version_;
  base::Gauge& epoch_;
  base::Gauge& tenants_;
  base::Gauge& keys_;
  base::Gauge& shards_;
};

}  // namespace plumbago::tenant_controller

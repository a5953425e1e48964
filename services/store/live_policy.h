// The storage policies and quotas of a store, kept up to date: by the snapshots of the controller,
// by the files that flags name, at an interval and on SIGHUP.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "index/series_index.h"
#include "policy_rpc.h"
#include "service/runtime.h"
#include "store/quotas.h"
#include "store/storage_policies.h"
#include "store_admin_service.h"
#include "store_flags.h"
#include "topology/snapshot.h"

namespace plumbago::store_service {

class LivePolicy {
 public:
  // Reads the files, whose first error is the result, and follows `holder` from now on: both have
  // to outlive this, and nothing may be published after it. `runtime` and `index` likewise.
  static absl::StatusOr<std::unique_ptr<LivePolicy>> Start(service::Runtime& runtime,
                                                           const StoreFlags& flags,
                                                           index::SeriesIndex& index,
                                                           topology::SnapshotHolder& holder);

  // Answers what `admin` is asked about policy and quotas. Once; `store` must live until the server
  // and the jobs have ended.
  void ServeIn(StoreAdminService& admin, store::Store& store);

  store::StoragePolicies& policies() { return policies_; }
  store::Quotas& quotas() { return quotas_; }

  // Reads the files at once, and says again what is wrong with them.
  void Reload() { policies_.Reload(store::StoragePolicies::Problems::kAll); }

 private:
  LivePolicy(service::Runtime& runtime, const StoreFlags& flags, index::SeriesIndex& index)
      : runtime_(runtime),
        index_(index),
        policies_(runtime.file_system(), runtime.metrics(), flags.policies),
        quotas_(index) {}

  service::Runtime& runtime_;
  index::SeriesIndex& index_;
  store::StoragePolicies policies_;
  store::Quotas quotas_;
  std::optional<store::SeriesConverter> converter_;  // from ServeIn on
  std::optional<PolicyRpc> rpc_;
};

}  // namespace plumbago::store_service

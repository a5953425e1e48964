// The storage policies and quotas of a store, kept up to date: by the snapshots of the controller,
// by the files that flags name, at an interval and on SIGHUP.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "index/series_index.h"
#include "service/runtime.h"
#include "store/quotas.h"
#include "store/storage_policies.h"
#include "store_flags.h"
#include "topology/snapshot.h"

namespace plumbago::store_service {

class LivePolicy {
 public:
  // Reads the files, whose first error is the result, and follows `holder` from now on: both have
  // to outlive this, and nothing may be published after it. `runtime` and `index` likewise.
  static absl::StatusOr<std::unique_ptr<LivePolicy>> Start(service::Runtime& runtime,
                                                           const StoreFlags& flags,
                                                           const index::SeriesIndex& index,
                                                           topology::SnapshotHolder& holder);

  store::StoragePolicies& policies() { return policies_; }
  store::Quotas& quotas() { return quotas_; }

  // Reads the files at once, and says again what is wrong with them.
  void Reload() { policies_.Reload(store::StoragePolicies::Problems::kAll); }

 private:
  LivePolicy(service::Runtime& runtime, const StoreFlags& flags, const index::SeriesIndex& index)
      : policies_(runtime.file_system(), runtime.metrics(), flags.policies), quotas_(index) {}

  store::StoragePolicies policies_;
  store::Quotas quotas_;
};

}  // namespace plumbago::store_service

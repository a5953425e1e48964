#include "live_policy.h"

#include "base/status.h"

namespace plumbago::store_service {

absl::StatusOr<std::unique_ptr<LivePolicy>> LivePolicy::Start(service::Runtime& runtime,
                                                              const StoreFlags& flags,
                                                              index::SeriesIndex& index,
                                                              topology::SnapshotHolder& holder) {
  std::unique_ptr<LivePolicy> policy(new LivePolicy(runtime, flags, index));
  PLUMBAGO_RETURN_IF_ERROR(policy->policies_.Load());
  holder.AddListener([policy = policy.get(), shard_id = flags.shard_id,
                      address = runtime.options().grpc_listen](const auto& snapshot) {
    policy->policies_.Apply(*snapshot);
    policy->quotas_.Apply(*snapshot, store::OwnedSlots(*snapshot->slot_map(), shard_id, address));
  });
  policy->policies_.Start(runtime.clock(), flags.policy_poll_interval);
  return policy;
}

void LivePolicy::ServeIn(StoreAdminService& admin, store::Store& store) {
  converter_.emplace(store::SeriesConverter::Dependencies{runtime_.clock(), runtime_.file_system(),
                                                          index_, store, policies_},
                     store.directory());
  rpc_.emplace(runtime_.clock(), index_, *converter_, quotas_);
  admin.ServePolicy(*rpc_);
}

}  // namespace plumbago::store_service

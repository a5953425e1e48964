#include "stores.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::ctl {

void AddShardFlags(CLI::App& command, StoreFlags& flags) {
  command
      .add_option("--store", flags.addresses,
                  "host:port of a store's gRPC, repeatable; instead of all in the topology")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--shard", flags.shard, "Only the store of this shard");
}

void AddStoreFlags(CLI::App& command, StoreFlags& flags) {
  command.add_option("--tenant", flags.tenant, "Tenant id")->capture_default_str();
  AddShardFlags(command, flags);
}

absl::Status StoreTarget::CallError(const grpc::Status& status) const {
  const std::string name = shard == address ? absl::StrCat("store ", address)
                                            : absl::StrCat("store ", address, " of shard ", shard);
  return ExplainCallError(status, name, "start it, or leave it out with --shard or --store");
}

absl::StatusOr<Stores> Stores::Open(Session& session, const StoreFlags& flags) {
  Stores stores;
  for (const std::string& address : flags.addresses) stores.Add(address, address);
  if (!flags.addresses.empty()) return stores;
  PLUMBAGO_RETURN_IF_ERROR(stores.ReadTopology(session, flags));
  return stores;
}

absl::Status Stores::ReadTopology(Session& session, const StoreFlags& flags) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto topology, session.Call(&v1::Topology::Stub::GetTopology,
                                                              v1::GetTopologyRequest()));
  PLUMBAGO_ASSIGN_OR_RETURN(slot_map_, topology::SlotMap::FromProto(topology));
  for (const topology::ShardInfo& shard : slot_map_->shards()) {
    target_of_shard_.emplace_back();
    if (!flags.shard.empty() && shard.id != flags.shard) continue;
    if (shard.state == topology::ShardState::kExcluded && flags.shard.empty()) {
      std::cerr << "shard " << shard.id << " is excluded and not asked\n";
      continue;
    }
    target_of_shard_.back() = targets_.size();
    Add(shard.id, shard.store_address);
  }
  if (!flags.shard.empty()) slot_map_ = nullptr;
  if (!targets_.empty()) return absl::OkStatus();
  return flags.shard.empty()
             ? absl::FailedPreconditionError(
                   "the topology has no active shard; add one with plumbagoctl shard add")
             : absl::NotFoundError(absl::StrCat("there is no shard \"", base::Excerpt(flags.shard),
                                                "\"; plumbagoctl shard list shows all"));
}

void Stores::Add(const std::string& shard, const std::string& address) {
  targets_.push_back({.shard = shard,
                      .address = address,
                      .stub = v1::StoreAdmin::NewStub(rpc::MakeChannel(address))});
}

bool Stores::has_replicas() const {
  if (slot_map_ == nullptr) return false;
  for (uint32_t slot = 0; slot < topology::kSlotCount; ++slot) {
    if (slot_map_->ReplicasOf(slot).size() > 1) return true;
  }
  return false;
}

absl::StatusOr<std::vector<const StoreTarget*>> Stores::HoldersOf(absl::string_view tenant,
                                                                  absl::string_view metric) const {
  std::vector<const StoreTarget*> holders;
  if (slot_map_ == nullptr) {
    for (const StoreTarget& target : targets_) holders.push_back(&target);
    return holders;
  }
  const uint32_t slot = topology::SlotOf(tenant, metric);
  for (const uint16_t shard : slot_map_->ReplicasOf(slot)) {
    if (target_of_shard_[shard]) holders.push_back(&targets_[*target_of_shard_[shard]]);
  }
  if (!holders.empty()) return holders;
  return absl::FailedPreconditionError(
      absl::StrCat("every shard of slot ", slot, ", which holds \"", base::Excerpt(metric),
                   "\", is excluded; plumbagoctl shard update SHARD --state active"));
}

}  // namespace plumbago::ctl

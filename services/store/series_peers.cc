#include "series_peers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

// The job ends: what it has not come to can be done by another one.
absl::Status EndJob(absl::Status status) {
  if (status.ok() || absl::IsFailedPrecondition(status)) return status;
  return absl::UnavailableError(status.message());
}

absl::Status CheckShard(const topology::SlotMap& map, const std::string& own_shard) {
  if (map.shards().size() == 1) return absl::OkStatus();
  for (const topology::ShardInfo& shard : map.shards()) {
    if (shard.id == own_shard) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the request must name the shard of this store, one of the ", map.shards().size(),
      " in the topology; it says \"", base::Excerpt(own_shard), "\""));
}

}  // namespace

absl::StatusOr<std::vector<store::SeriesPeers::Holder>> GrpcSeriesPeers::HoldersOf(
    const store::SeriesName& name, const std::string& own_shard) {
  const auto snapshot = topology_.Get();
  if (snapshot == nullptr || snapshot->slot_map()->shards().empty()) {
    if (!own_shard.empty()) {
      return absl::FailedPreconditionError(
          "this store has no topology yet; it comes from the tenant-controller");
    }
    // Without a topology, and without a word of one, this store is all there is.
    return std::vector<Holder>{{.address = {}, .is_this = true}};
  }
  const topology::SlotMap& map = *snapshot->slot_map();
  PLUMBAGO_RETURN_IF_ERROR(CheckShard(map, own_shard));
  std::vector<Holder> holders;
  const uint32_t slot = topology::SlotOf(name.tenant(), name.metric());
  for (const uint16_t index : map.ReplicasOf(slot)) {
    const topology::ShardInfo& shard = map.shards()[index];
    if (shard.state == topology::ShardState::kExcluded) continue;
    holders.push_back({.address = shard.store_address,
                       .is_this = map.shards().size() == 1 || shard.id == own_shard});
  }
  if (!holders.empty()) return holders;
  return absl::FailedPreconditionError(
      absl::StrCat("every shard of slot ", slot, ", which holds \"", base::Excerpt(name.metric()),
                   "\", is excluded"));
}

absl::StatusOr<bool> GrpcSeriesPeers::Has(const Holder& holder, const store::SeriesName& name) {
  auto answer = SenderTo(holder).Has(name.tenant(), name.metric());
  if (!answer.ok()) return EndJob(answer.status());
  return answer;
}

absl::StatusOr<store::PutOutcome> GrpcSeriesPeers::Put(const Holder& holder,
                                                       const store::SeriesName& name,
                                                       const std::string& path,
                                                       store::PutMode mode) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto file, file_system_.OpenForRead(path));
  const auto outcome =
      SenderTo(holder).Put(name.tenant(), name.metric(), *file,
                           mode == store::PutMode::kCreateOnly ? v1::SeriesOffer::CREATE_ONLY
                                                               : v1::SeriesOffer::CREATE_OR_FILL);
  if (!outcome.ok()) return EndJob(outcome.status());
  switch (*outcome) {
    case v1::PutSeriesResponse::INSTALLED:
      return store::PutOutcome::kInstalled;
    case v1::PutSeriesResponse::FILLED:
    case v1::PutSeriesResponse::EQUAL:
      return store::PutOutcome::kFilled;
    case v1::PutSeriesResponse::EXISTS:
      return store::PutOutcome::kExists;
    default:
      return absl::InternalError(absl::StrCat("store ", holder.address, " answered ",
                                              v1::PutSeriesResponse::Outcome_Name(*outcome)));
  }
}

absl::Status GrpcSeriesPeers::Sync() {
  absl::Status status;
  for (auto& [address, sender] : senders_) status.Update(EndJob(sender->Sync()));
  return status;
}

rpc::SeriesSender& GrpcSeriesPeers::SenderTo(const Holder& holder) {
  std::unique_ptr<rpc::SeriesSender>& sender = senders_[holder.address];
  if (sender == nullptr) {
    sender = std::make_unique<rpc::SeriesSender>(rpc::MakeChannel(holder.address),
                                                 absl::StrCat("store ", holder.address));
  }
  return *sender;
}

}  // namespace plumbago::store_service

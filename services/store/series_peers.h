// The other stores, for jobs that move series: who holds a slot by the topology, and PutSeries.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "rpc/series_sender.h"
#include "store/series_mover.h"
#include "topology/snapshot.h"

namespace plumbago::store_service {

// HoldersOf is thread-safe, the rest for the thread of the jobs.
class GrpcSeriesPeers final : public store::SeriesPeers {
 public:
  // Both must outlive this.
  GrpcSeriesPeers(base::FileSystem& file_system, const topology::SnapshotHolder& topology)
      : file_system_(file_system), topology_(topology) {}

  absl::StatusOr<std::vector<Holder>> HoldersOf(const store::SeriesName& name,
                                                const std::string& own_shard) override;
  absl::StatusOr<bool> Has(const Holder& holder, const store::SeriesName& name) override;
  absl::StatusOr<store::PutOutcome> Put(const Holder& holder, const store::SeriesName& name,
                                        const std::string& path, store::PutMode mode) override;
  absl::Status Sync() override;

 private:
  rpc::SeriesSender& SenderTo(const Holder& holder);

  base::FileSystem& file_system_;
  const topology::SnapshotHolder& topology_;
  std::map<std::string, std::unique_ptr<rpc::SeriesSender>> senders_;  // by address
};

}  // namespace plumbago::store_service

// Renames and copies series, also to names whose slots other stores hold.
//
// Each store does its part of the same job. Of the stores that hold a series, the preferred one
// decides: it puts a copy to every holder of the new name, unless there is a series of that name,
// and then sets its own aside. The other ones follow once that one does not have the series any
// more: they fill the gaps of the new series with their points and set theirs aside. So where slots
// have several replicas the job is started twice. A copy is made by the preferred store alone.
//
// Plans are made on any thread, their work is run by JobRunner.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/incoming_series.h"
#include "store/job_runner.h"
#include "store/series_tree.h"
#include "store/trash.h"

namespace plumbago::store {

// The stores of the deployment, as one of them sees them.
class SeriesPeers {
 public:
  struct Holder {
    std::string address;  // of its gRPC; not used where it is this store
    bool is_this = false;
  };

  virtual ~SeriesPeers() = default;

  // The stores that hold the slot of `name`, the preferred one first; never empty. `own_shard` is
  // the shard of this store; empty where there is only one. FailedPrecondition: it is not known,
  // or is not in the topology, or all holders are excluded.
  virtual absl::StatusOr<std::vector<Holder>> HoldersOf(const SeriesName& name,
                                                        const std::string& own_shard) = 0;
  // For others than this store. Unavailable as Aborted: the job ends.
  virtual absl::StatusOr<bool> Has(const Holder& holder, const SeriesName& name) = 0;
  virtual absl::StatusOr<PutOutcome> Put(const Holder& holder, const SeriesName& name,
                                         const std::string& path, PutMode mode) = 0;
  // Everything put so far is durable.
  virtual absl::Status Sync() = 0;
};

class SeriesMover {
 public:
  // All must outlive this.
  SeriesMover(SeriesTree& tree, const Trash& trash, Staging& staging, SeriesPeers& peers)
      : tree_(tree), trash_(trash), staging_(staging), peers_(peers) {}

  // InvalidArgument: a name with wildcards or none, or both are the same.
  absl::StatusOr<JobRunner::Planned> Plan(const std::string& tenant, const std::string& own_shard,
                                          const v1::MoveSeries& request, bool is_dry_run);

 private:
  struct Move {
    JobRunner::Description job;
    std::string own_shard;
    std::string from;
    std::string to;
    bool is_copy = false;

    std::string NewName(absl::string_view metric) const {
      return to + std::string(metric.substr(from.size()));
    }
  };

  absl::Status Run(JobProgress& progress, const Move& move);
  // Puts the series to its new holders. OK: it can be set aside here, unless it is a copy.
  absl::Status PutOne(JobProgress& progress, const Move& move, const SeriesName& name);
  absl::Status CheckAbsent(const std::vector<SeriesPeers::Holder>& holders, const SeriesName& name);
  absl::Status PutTo(const SeriesPeers::Holder& holder, const SeriesName& from,
                     const SeriesName& to, PutMode mode);

  SeriesTree& tree_;
  const Trash& trash_;
  Staging& staging_;
  SeriesPeers& peers_;
};

}  // namespace plumbago::store

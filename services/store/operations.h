// Everything behind the operators' calls of a store, put together: the jobs, what they work on, and
// where trash, snapshots and files on their way lie in the data directory.
//
// Thread-safe after Start.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "index/series_index.h"
#include "series_peers.h"
#include "store/incoming_series.h"
#include "store/job_runner.h"
#include "store/series_mover.h"
#include "store/series_tree.h"
#include "store/snapshots.h"
#include "store/store.h"
#include "store/trash.h"
#include "topology/snapshot.h"

namespace plumbago::store_service {

class Operations {
 public:
  struct Dependencies {
    base::Clock& clock;
    base::FileSystem& file_system;
    index::SeriesIndex& index;
    store::Store& store;
    const topology::SnapshotHolder& topology;
  };
  struct Options {
    std::string data_directory;  // the files are in its "whisper"
    absl::Duration trash_retention = absl::Hours(7 * 24);
  };

  // All must outlive this.
  Operations(const Dependencies& dependencies, const Options& options);

  // After the store's start: removes what a crash left of files on their way, and starts the jobs.
  absl::Status Start();
  // Before the store's drain: ends the jobs.
  void Drain() { jobs_.Drain(); }

  store::JobRunner& jobs() { return jobs_; }
  store::SeriesTree& tree() { return tree_; }
  store::Staging& staging() { return staging_; }
  store::Trash& trash() { return trash_; }
  store::Snapshots& snapshots() { return snapshots_; }

  // The job of a request; of kinds that are not about policy. InvalidArgument: none of them.
  absl::StatusOr<store::JobRunner::Planned> Plan(const v1::StartJobRequest& request);

 private:
  store::SeriesTree tree_;
  store::Staging staging_;
  store::Trash trash_;
  store::Snapshots snapshots_;
  GrpcSeriesPeers peers_;
  store::SeriesMover mover_;
  store::JobRunner jobs_;  // last: its thread uses the others
};

}  // namespace plumbago::store_service

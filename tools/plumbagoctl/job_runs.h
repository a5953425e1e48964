// Jobs on several stores at once, as commands start and watch them. For one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plumbago/v1/store_admin.pb.h"
#include "session.h"
#include "stores.h"

namespace plumbago::ctl {

struct ShardJob {
  std::string shard;
  v1::Job job;
};

// Starts `request` on every store, shows the progress of all on standard error and returns the
// ended jobs. What was started goes on where a store cannot be reached or the command is ended.
absl::StatusOr<std::vector<ShardJob>> RunJobs(const Stores& stores,
                                              const v1::StartJobRequest& request);

// Watches a job that runs, until its end.
absl::StatusOr<ShardJob> WatchJob(const StoreTarget& target, uint64_t id);

// Prints the items and a table of counts, or everything as JSON by shard. Aborted where a job did
// not succeed or some series failed.
absl::Status PrintJobs(Session& session, const std::vector<ShardJob>& jobs);

// The table alone.
Table JobTable(const std::vector<ShardJob>& jobs);

}  // namespace plumbago::ctl

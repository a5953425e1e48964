// Bounds of one query and how it reads, each a flag of plumbago-query; messages name limit, value
// and flag.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace plumbago::query {

// Which replicas of a series are read.
enum class ReplicaReads {
  kOne,  // the first that answers
  kAll,  // every one; they fill each other's gaps
};

struct Limits {
  size_t targets_max = 200;                            // --targets-max
  size_t target_bytes_max = 64 << 10;                  // --target-bytes-max
  size_t fetches_max = 1000;                           // --fetches-per-query-max
  size_t series_max = 50'000;                          // --series-per-query-max
  int64_t points_max = 50'000'000;                     // --points-per-query-max
  size_t memory_bytes_max = size_t{1} << 30;           // --query-memory-max
  size_t find_matches_max = 1'000'000;                 // --find-matches-max
  absl::Duration shard_timeout = absl::Seconds(6);     // --shard-timeout
  absl::Duration request_timeout = absl::Seconds(25);  // --request-timeout
  ReplicaReads replica_reads = ReplicaReads::kOne;     // --replica-reads
};

}  // namespace plumbago::query

// Bounds of one query and how it reads, each a flag of plumbago-query; a tenant may have its own.
// Messages name limit, value and where the limit is from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "plumbago/v1/tenants.pb.h"

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
  size_t reduced_series_min = 50;                      // --reduce-series-min, --reduce-on-shards

  // What messages name: the flag, or the tenant's own limit that replaces it.
  std::string targets_name = "--targets-max";
  std::string series_name = "--series-per-query-max";
  std::string points_name = "--points-per-query-max";
  std::string memory_name = "--query-memory-max";
  std::string time_name = "--request-timeout";
};

// `defaults` with what the tenant has of its own; its 0 means no limit.
Limits LimitsOfTenant(const Limits& defaults, const std::string& tenant, const v1::Limits& own);

}  // namespace plumbago::query

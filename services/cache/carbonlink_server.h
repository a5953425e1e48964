// Lets an existing graphite-web read hot points: carbonlink over TCP (protocols/carbonlink.h), for
// one tenant.
//
// One thread answers queries from memory; questions about a series' metadata go to the store on a
// second one. Bounds: connections, one request at a time each, kRequestBytesMax and
// kAnswerBytesMax. A connection that sends what is no request is closed and counted, as one that is
// idle for too long; carbon does the same.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "aggregation_methods.h"
#include "base/metrics.h"
#include "cache/point_cache.h"

namespace plumbago::cache {

struct CarbonlinkOptions {
  std::string listen;  // host:port; empty: none
  std::string tenant = "default";
  bool allow_unauthenticated = false;
  size_t connections_max = 256;
  absl::Duration idle_timeout = absl::Minutes(10);
};

// InvalidArgument: an address beyond this machine without --allow-unauthenticated.
absl::Status CheckCarbonlink(const CarbonlinkOptions& options);

class CarbonlinkServer {
 public:
  static constexpr size_t kRequestBytesMax = size_t{1} << 20;
  static constexpr size_t kAnswerBytesMax = size_t{64} << 20;

  // `cache` and `metrics` must outlive the server. Unavailable: the address is in use.
  static absl::StatusOr<std::unique_ptr<CarbonlinkServer>> Start(
      const CarbonlinkOptions& options, const PointCache& cache, base::Metrics& metrics,
      std::unique_ptr<AggregationMethods> methods);
  ~CarbonlinkServer();  // closes all connections

 private:
  class Impl;
  explicit CarbonlinkServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace plumbago::cache

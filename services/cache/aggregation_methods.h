// Asks a store for the aggregation method of a series.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "plumbago/v1/store.grpc.pb.h"

namespace plumbago::cache {

class AggregationMethodFinder {
 public:
  // `store_address` is host:port.
  AggregationMethodFinder(const std::string& store_address, std::string tenant);

  // Blocks for a second at most. NotFound: the store has no such series.
  absl::StatusOr<std::string> Find(const std::string& metric) const;

 private:
  const std::string store_address_;
  const std::string tenant_;
  const std::unique_ptr<v1::Store::Stub> stub_;
};

}  // namespace plumbago::cache

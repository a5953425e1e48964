// The aggregation methods of series, as a store has them in its files.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "plumbago/v1/store.grpc.pb.h"

namespace plumbago::cache {

class AggregationMethods {
 public:
  // `store_address` is host:port.
  AggregationMethods(const std::string& store_address, std::string tenant);

  // Both block for a second at most. NotFound: the store has no such series.
  absl::StatusOr<std::string> Find(const std::string& metric) const;
  // Returns the method before. InvalidArgument: there is no such method.
  absl::StatusOr<std::string> Set(const std::string& metric, const std::string& method) const;

 private:
  const std::string store_address_;
  const std::string tenant_;
  const std::unique_ptr<v1::Store::Stub> stub_;
};

}  // namespace plumbago::cache

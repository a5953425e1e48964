// Whose spool it is: a shard of ours, or a foreign endpoint. Names its directory, its metrics and
// its log lines.
//
// A value, ordered. The directory tells the destination (docs/formats/spool.md), so that a spool is
// known before the destination is.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "routing/destination.h"

namespace plumbago::relay {

class SpoolDestination {
 public:
  enum class Kind {
    kShard,
    kEndpoint,
  };

  static SpoolDestination OfShard(absl::string_view shard_id);
  // The same for endpoints that differ only in compression or encryption: whoever takes the points
  // is the same.
  static SpoolDestination OfEndpoint(const routing::Endpoint& endpoint);
  // By the name() of one.
  static SpoolDestination OfEndpointName(absl::string_view name);
  // Nothing where no destination has this directory.
  static std::optional<SpoolDestination> OfDirectory(absl::string_view directory);

  Kind kind() const { return kind_; }
  // A shard's id, or what routing::Describe says of the endpoint, with a hash for its end where
  // that is long: every byte may take three in the directory.
  const std::string& name() const { return name_; }
  std::string Directory() const;
  // "shard a", "destination 10.0.0.1:2004".
  std::string Describe() const;

  auto operator<=>(const SpoolDestination& other) const = default;

 private:
  SpoolDestination(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}

  Kind kind_;
  std::string name_;
};

}  // namespace plumbago::relay

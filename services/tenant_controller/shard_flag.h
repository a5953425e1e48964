// The text of --shard: id=a,zone=z1,cache=127.0.0.1:7600,store=127.0.0.1:7700.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "plumbago/v1/topology.pb.h"

namespace plumbago::tenant_controller {

// zone may be left out. InvalidArgument quotes the text and says which part is wrong.
absl::StatusOr<v1::Shard> ParseShardFlag(absl::string_view text);

}  // namespace plumbago::tenant_controller

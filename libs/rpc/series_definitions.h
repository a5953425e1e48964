// Series named on a stream for the first time, as the streams to caches and stores both send them.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "plumbago/v1/ingest.pb.h"

namespace plumbago::rpc {

// Adds that `id` means this series from here on. Series of one tenant should follow each other: a
// tenant is named again where it changes.
void AppendDefinition(uint32_t id, absl::string_view tenant, absl::string_view metric,
                      v1::SeriesDefinitions* definitions);

}  // namespace plumbago::rpc

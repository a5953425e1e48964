// aggregation-rules.conf: "output_template (frequency) = method input_pattern".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/aggregate_spec.h"

namespace plumbago::routing {

struct AggregationRule {
  std::string output = {};  // with <fields>
  std::string regex = {};   // of the input, anchored as carbon matches it
  AggregateSpec spec = {};
  int line = 0;
};

// InvalidArgument with file and line.
absl::StatusOr<std::vector<AggregationRule>> ParseAggregationRules(absl::string_view text,
                                                                   absl::string_view file_name);

}  // namespace plumbago::routing

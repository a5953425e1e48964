// Whisper's aggregation methods, with the results of whisper.py down to NaN and signed zero.
#pragma once

#include <cstddef>

#include "absl/types/span.h"
#include "whisper/header.h"

namespace plumbago::whisper {

// `known` holds the points that are there, oldest first, at least one; `slot_count` is how many
// there could be (avg_zero divides by it).
double Aggregate(AggregationMethod method, absl::Span<const double> known, size_t slot_count);

}  // namespace plumbago::whisper

// Retention definitions as people write them: "10s:6h, 1m:7d, 10m:5y".
//
// Pure functions. Errors are InvalidArgument and say which part is wrong and what is possible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "whisper/header.h"

namespace plumbago::whisper {

// precision ":" points, whisper's grammar. The precision is a number of seconds or a duration. The
// part after the colon is a number of POINTS ("60:1440"), or a duration that is divided by the
// precision ("1m:1d"). A duration is digits and a unit: s, m, h, d, w, y or more letters of
// seconds, minutes, hours, days, weeks, years; a year has 365 days.
absl::StatusOr<ArchiveSpec> ParseRetention(absl::string_view text);

// A comma-separated list of them, in the order given; not yet checked as an archive list.
absl::StatusOr<std::vector<ArchiveSpec>> ParseRetentions(absl::string_view text);

// "10s:6h,1m:1w": each duration in the largest unit that divides it. ParseRetentions gives the same
// archives again. At least one second per point.
std::string FormatRetentions(absl::Span<const ArchiveSpec> archives);

}  // namespace plumbago::whisper

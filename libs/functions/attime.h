// Graphite's time grammar: "-24h", "now-1d", "noon yesterday", "12:34_20240101", "20240131",
// epochs.
//
// As graphite-web reads it (render/attime.py), with one extension: a bare "m" means minutes. Pure
// and thread-safe. Every error is InvalidArgument and names the text and what is allowed.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace plumbago::functions {

// Unix seconds. `now` is what "now", relative offsets and days without a year refer to.
absl::StatusOr<int64_t> ParseAtTime(absl::string_view text, int64_t now, absl::TimeZone zone);

// Seconds of an offset as functions take it: "1h", "-1d12h", "+90s". Sign first, for all terms.
absl::StatusOr<int64_t> ParseTimeOffset(absl::string_view text);

// Seconds of an interval parameter: as ParseTimeOffset, at least 1.
absl::StatusOr<int64_t> ParseInterval(absl::string_view text);

}  // namespace plumbago::functions

// Log lines: one line an event, "key=value" pairs at the end, untrusted text through Excerpt().
// Thread-safe. Log once, at the edge; never per point.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace plumbago::base {

// `level` is one of debug, info, warning, error. Lines go to standard error.
absl::Status InitialiseLog(absl::string_view service, absl::string_view level);

void LogDebug(absl::string_view message);
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

}  // namespace plumbago::base

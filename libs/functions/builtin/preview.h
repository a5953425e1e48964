// Windows that reach back from each point: data from before the requested range is needed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "functions/call.h"

namespace plumbago::functions {

// For FunctionDefinition::windows of functions with a parameter windowSize (kIntegerOrInterval).
absl::StatusOr<std::vector<TimeRange>> WindowSizePreview(WindowQuestion& question);

// windowSize as it applies to one series that was read with WindowSizePreview.
struct PointWindow {
  int64_t points = 0;         // of the window
  int64_t absent_points = 0;  // of the preview, that would lie before 1970
  int64_t seconds = 0;        // by which the preview starts before the range
  std::string shown;          // inside names: 5 or "5min", with quotes
  std::string tag;            // without quotes
};
PointWindow PointWindowOf(const Call& call, const Series& series);

}  // namespace plumbago::functions

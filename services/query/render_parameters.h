// The parameters of /render. Pure.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/parameters.h"
#include "query/engine.h"
#include "query/render_format.h"

namespace plumbago::query {

struct RenderOptions {
  RenderRequest request;
  RenderFormat format = RenderFormat::kJson;
  NullPoints null_points = NullPoints::kKeep;
  int64_t points_max = 0;  // maxDataPoints; 0: all
};

// InvalidArgument names the parameter, its value and what is allowed. Without from and until the
// last day is shown; a from behind until is swapped with it.
absl::StatusOr<RenderOptions> ReadRenderParameters(const http::Parameters& parameters, int64_t now,
                                                   absl::TimeZone zone);

}  // namespace plumbago::query

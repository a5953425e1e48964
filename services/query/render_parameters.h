// The parameters of /render. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "graph/graph.h"
#include "graph/parameters.h"
#include "http/parameters.h"
#include "query/engine.h"
#include "query/render_format.h"

namespace plumbago::query {

// graphType=pie: the picture is a pie of one value for each series.
struct PieOptions {
  graph::PieMode mode = graph::PieMode::kAverage;
  std::vector<graph::PieSlice> slices;  // of targets that are name:number
};

struct RenderOptions {
  RenderRequest request;
  RenderFormat format = RenderFormat::kJson;
  NullPoints null_points = NullPoints::kKeep;
  int64_t points_max = 0;                         // maxDataPoints; 0: all
  std::optional<graph::Parameters> picture = {};  // for png, svg and pdf
  std::optional<PieOptions> pie = {};
  // cacheTimeout; 0, also for noCache: the answer must be new. Nothing: as the service thinks.
  std::optional<int64_t> cache_seconds = {};
  std::string now_text = {};  // the parameter `now`
};

// InvalidArgument names the parameter, its value and what is allowed. Without from and until the
// last day is shown; a from behind until is swapped with it.
absl::StatusOr<RenderOptions> ReadRenderParameters(const http::Parameters& parameters, int64_t now,
                                                   absl::TimeZone zone);

}  // namespace plumbago::query

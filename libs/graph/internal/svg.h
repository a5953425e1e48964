// What Cairo's SVG lacks: sizes in pixels, groups with classes, and the facts of the graph as data.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbago::graph::internal {

// Paths that begin at (this, this) mark the groups, in their order.
inline constexpr int kMarkCoordinate = -88;

// `svg` of Cairo with its marks replaced by groups, and a script with `metadata` (JSON) at the end.
std::string FinishSvg(std::string svg, const std::vector<std::string>& groups,
                      absl::string_view metadata);

}  // namespace plumbago::graph::internal

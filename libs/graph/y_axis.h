// The y axis: where it begins and ends, its steps, and the texts beside them.
//
// The rules are those of graphite-web (render/glyph.py, _LinearAxisTics and _LogAxisTics): of the
// allowed numbers of divisions and of steps 1, 2 and 5 times a power of ten (powers of two for
// binary units), the pair that leaves the least room empty. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/parameters.h"

namespace plumbago::graph {

struct ValueRange {
  double min = 0;
  double max = 1;
};

struct YAxisOptions {
  AxisRequest request = {};
  UnitSystem unit_system = UnitSystem::kSi;
  std::vector<int> divisors = {4, 5, 6};
  std::optional<double> log_base = {};
};

struct YAxis {
  double bottom = 0;
  double top = 1;
  double step = 0;  // 0: logarithmic
  std::optional<double> log_base = {};
  std::vector<double> label_values = {};  // ascending
  std::vector<std::string> labels = {};   // one for each value

  // 0 at the lowest value that is shown, 1 at the highest; none where a logarithmic axis has no
  // place for the value.
  std::optional<double> PositionOf(double value) const;
};

// InvalidArgument: a logarithmic axis for values that are not above zero, a minimum above the
// maximum, values whose difference is beyond what a double holds.
absl::StatusOr<YAxis> MakeYAxis(const ValueRange& data, const YAxisOptions& options);

}  // namespace plumbago::graph

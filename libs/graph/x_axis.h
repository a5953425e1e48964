// The x axis: which times have a label or a line, by how many seconds a pixel is worth.
//
// The table is the field's (rrdtool's, by way of graphite-web's render/glyph.py). Times are round
// in the zone, days are its calendar's, so marks stay at midnight when clocks change. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace plumbago::graph {

struct XAxis {
  std::vector<int64_t> label_times;  // seconds, ascending, start <= time < end
  std::vector<std::string> labels;
  std::vector<int64_t> minor_times;
  std::vector<int64_t> major_times;
};

// `format` as strftime has it; empty: that of the scale.
XAxis MakeXAxis(int64_t start, int64_t end, double width_pixels, absl::TimeZone zone,
                const std::string& format);

}  // namespace plumbago::graph

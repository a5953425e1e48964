// Colours of Graphite: names, hexadecimal digits with or without alpha, and templates of them.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::graph {

struct Color {
  double red = 0;  // 0 to 1, like the others
  double green = 0;
  double blue = 0;
  std::optional<double> alpha = {};  // wins over the alpha of what is drawn
};

// A name (black, rose, ...), or rrggbb or rrggbbaa with or without '#' or "%23" before it.
// InvalidArgument names what is neither.
absl::StatusOr<Color> ParseColor(absl::string_view text);

// Of a list separated by commas; InvalidArgument for a wrong one, and for more than kColorsMax.
inline constexpr size_t kColorsMax = 1000;
absl::StatusOr<std::vector<Color>> ParseColorList(absl::string_view text);

// The looks that graphite-web's example configuration offers as `template`.
struct Template {
  Color background;
  Color foreground;
  Color major_line;
  Color minor_line;
  std::vector<Color> line_colors;  // not empty
};

// The one called `name`, or the default where there is none.
const Template& FindTemplate(absl::string_view name);

}  // namespace plumbago::graph

// The parameters of a picture, as graphite-web names them (docs/render.md lists them all).
//
// Values are read as graphite-web reads them: an empty one and "default" count as not given, a
// switch is off for "false" and 0. Every bound of a picture's size is here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "graph/color.h"

namespace plumbago::graph {

inline constexpr int kSideMax = 8192;             // width and height, pixels
inline constexpr int64_t kPixelsMax = 9'000'000;  // 36 MB while it is drawn
inline constexpr double kFontSizeMax = 200;
inline constexpr size_t kTextBytesMax = 1000;  // of one line; what is behind it is not drawn

enum class PictureFormat { kPng, kSvg, kPdf };
enum class LineMode { kSlope, kStaircase, kConnected };
enum class AreaMode { kNone, kFirst, kAll, kStacked };
enum class AxisSide { kLeft, kRight };
enum class UnitSystem { kSi, kBinary, kSeconds, kMilliseconds, kNone };
enum class ValueLabels { kNone, kNumber, kPercent };
enum class PieLabels { kHorizontal, kRotated };
enum class Visibility { kShown, kHidden };

struct Font {
  std::string name = "Sans";
  double size = 10;  // pixels
  bool is_bold = false;
  bool is_italic = false;
};

// What is asked of one y axis.
struct AxisRequest {
  std::optional<double> min = {};
  std::optional<double> max = {};
  bool ends_at_maximum = false;  // max=max: the top is the greatest value
  std::optional<double> limit = {};
  std::optional<double> step = {};
};

// How the lines of one side look.
struct SideStyle {
  std::optional<double> width = {};
  std::optional<double> dash = {};
  std::optional<Color> color = {};
};

struct Parameters {
  PictureFormat format = PictureFormat::kPng;
  int width = 330;
  int height = 250;
  double margin = 10;
  Color background, foreground, major_line, minor_line;
  std::vector<Color> colors;
  Font font;
  std::string title, vertical_title, vertical_title_right;
  absl::TimeZone zone = absl::UTCTimeZone();

  LineMode line_mode = LineMode::kSlope;
  AreaMode area_mode = AreaMode::kNone;
  std::optional<double> area_alpha = {};
  double line_width = 1.2;
  std::optional<double> connected_limit = {};  // nulls that a connected line crosses
  bool draws_null_as_zero = false;
  double x_step_min = 1;  // pixels between points

  bool is_graph_only = false;
  std::optional<bool> hides_legend = {};  // not given: by the number of series
  bool has_unique_legend = false;
  bool hides_null_in_legend = false;
  bool hides_axes = false;
  bool hides_x_axis = false;
  bool hides_y_axis = false;
  bool hides_grid = false;
  AxisSide y_axis_side = AxisSide::kLeft;
  UnitSystem unit_system = UnitSystem::kSi;
  std::vector<int> y_divisors = {4, 5, 6};
  std::optional<double> log_base = {};
  int minor_y = 1;  // minor lines between two major ones
  std::string x_format;
  AxisRequest y_axis, left_axis, right_axis;
  SideStyle left, right;

  PieLabels pie_labels = PieLabels::kHorizontal;
  ValueLabels value_labels = ValueLabels::kPercent;
  double value_labels_min = 5;
  Color value_labels_color;
};

// The value of a parameter, or null.
using ParameterSource = std::function<const std::string*(absl::string_view name)>;

// InvalidArgument names the parameter, its value and what is allowed.
absl::StatusOr<Parameters> ReadParameters(const ParameterSource& source, PictureFormat format,
                                          absl::TimeZone zone);

}  // namespace plumbago::graph

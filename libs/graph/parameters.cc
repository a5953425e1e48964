#include "graph/parameters.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace plumbago::graph {
namespace {

constexpr double kNumberMax = 1e300;  // leaves room for the arithmetic of axes
constexpr int kMinorLinesMax = 100;
constexpr size_t kDivisorsMax = 20;
constexpr size_t kXFormatBytesMax = 100;

// Reads parameters one after the other and keeps the first error, so that the list of them below is
// only a list.
class Reader {
 public:
  explicit Reader(const ParameterSource& source) : source_(source) {}

  const absl::Status& status() const { return status_; }

  const std::string* Find(absl::string_view name) const {
    const std::string* value = source_(name);
    if (value == nullptr || value->empty() || absl::EqualsIgnoreCase(*value, "default")) {
      return nullptr;
    }
    return value;
  }

  void Text(absl::string_view name, std::string& text) const {
    if (const std::string* value = Find(name)) text = *value;
  }

  bool Switch(absl::string_view name) const {
    const std::string* value = Find(name);
    double number = 1;
    if (value == nullptr || absl::EqualsIgnoreCase(*value, "false")) return false;
    return !absl::SimpleAtod(*value, &number) || number != 0;
  }

  void Number(absl::string_view name, double min, double max, double& number) {
    const std::string* value = Find(name);
    if (value == nullptr) return;
    double parsed = 0;
    if (absl::SimpleAtod(*value, &parsed) && parsed >= min && parsed <= max) {
      number = parsed;
      return;
    }
    Refuse(name, *value, absl::StrCat("a number from ", min, " to ", max));
  }

  void Number(absl::string_view name, double min, double max, std::optional<double>& number) {
    if (Find(name) == nullptr) return;
    double parsed = 0;
    Number(name, min, max, parsed);
    number = parsed;
  }

  void Integer(absl::string_view name, int min, int max, int& number) {
    double parsed = number;
    Number(name, min, max, parsed);
    number = static_cast<int>(parsed);
  }

  void ColorOf(absl::string_view name, Color& color) {
    const std::string* value = Find(name);
    if (value != nullptr) Keep(name, ParseColor(*value), color);
  }

  void ColorsOf(absl::string_view name, std::vector<Color>& colors) {
    const std::string* value = Find(name);
    if (value != nullptr) Keep(name, ParseColorList(*value), colors);
  }

  template <typename Enum>
  void Word(absl::string_view name, const std::vector<std::pair<const char*, Enum>>& words,
            Enum& result) {
    const std::string* value = Find(name);
    if (value == nullptr) return;
    for (const auto& [word, meaning] : words) {
      if (!absl::EqualsIgnoreCase(*value, word)) continue;
      result = meaning;
      return;
    }
    const auto append = [](std::string* out, const auto& entry) { *out += entry.first; };
    Refuse(name, *value, absl::StrJoin(words, ", ", append));
  }

  void Refuse(absl::string_view name, const std::string& value, const std::string& allowed) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(name, " is \"", base::Excerpt(value), "\"; use ", allowed));
  }

 private:
  template <typename T>
  void Keep(absl::string_view name, absl::StatusOr<T> parsed, T& result) {
    if (parsed.ok()) {
      result = *std::move(parsed);
    } else if (status_.ok()) {
      status_ = base::Annotate(parsed.status(), name);
    }
  }

  const ParameterSource& source_;
  absl::Status status_;
};

void ReadLook(Reader& reader, Parameters& parameters) {
  std::string template_name;
  reader.Text("template", template_name);
  const Template& look = FindTemplate(template_name);
  parameters.background = look.background;
  parameters.foreground = look.foreground;
  parameters.major_line = look.major_line;
  parameters.minor_line = look.minor_line;
  parameters.colors = look.line_colors;
  reader.ColorOf("bgcolor", parameters.background);
  reader.ColorOf("fgcolor", parameters.foreground);
  reader.ColorOf("majorGridLineColor", parameters.major_line);
  reader.ColorOf("minorGridLineColor", parameters.minor_line);
  reader.ColorsOf("colorList", parameters.colors);
  reader.Text("fontName", parameters.font.name);
  reader.Number("fontSize", 1, kFontSizeMax, parameters.font.size);
  parameters.font.size = std::floor(parameters.font.size);
  parameters.font.is_bold = reader.Switch("fontBold");
  parameters.font.is_italic = reader.Switch("fontItalic");
}

void ReadSize(Reader& reader, Parameters& parameters) {
  reader.Integer("width", 1, kSideMax, parameters.width);
  reader.Integer("height", 1, kSideMax, parameters.height);
  reader.Number("margin", -kSideMax, kSideMax, parameters.margin);
  if (parameters.margin < 0) parameters.margin = 10;
  const int64_t pixels = int64_t{parameters.width} * parameters.height;
  if (pixels > kPixelsMax) {
    reader.Refuse("width", absl::StrCat(parameters.width, " by ", parameters.height),
                  absl::StrCat("sides with at most ", kPixelsMax, " pixels together"));
  }
}

void ReadLines(Reader& reader, Parameters& parameters) {
  reader.Word<LineMode>("lineMode",
                        {{"slope", LineMode::kSlope},
                         {"staircase", LineMode::kStaircase},
                         {"connected", LineMode::kConnected}},
                        parameters.line_mode);
  reader.Word<AreaMode>("areaMode",
                        {{"none", AreaMode::kNone},
                         {"first", AreaMode::kFirst},
                         {"all", AreaMode::kAll},
                         {"stacked", AreaMode::kStacked}},
                        parameters.area_mode);
  reader.Number("areaAlpha", 0, 1, parameters.area_alpha);
  reader.Number("thickness", 0, kSideMax, parameters.line_width);
  reader.Number("lineWidth", 0, kSideMax, parameters.line_width);
  reader.Number("connectedLimit", 0, kNumberMax, parameters.connected_limit);
  reader.Number("minXStep", 0, kSideMax, parameters.x_step_min);
  parameters.draws_null_as_zero = reader.Switch("drawNullAsZero");
}

void ReadAxis(Reader& reader, const std::string& side, AxisRequest& axis) {
  const std::string max_name = absl::StrCat("yMax", side);
  reader.Number(absl::StrCat("yMin", side), -kNumberMax, kNumberMax, axis.min);
  const std::string* max = reader.Find(max_name);
  axis.ends_at_maximum = max != nullptr && *max == "max";
  if (!axis.ends_at_maximum) reader.Number(max_name, -kNumberMax, kNumberMax, axis.max);
  reader.Number(absl::StrCat("yLimit", side), -kNumberMax, kNumberMax, axis.limit);
  reader.Number(absl::StrCat("yStep", side), 1e-300, kNumberMax, axis.step);
}

void ReadSide(Reader& reader, const std::string& side, SideStyle& style) {
  reader.Number(absl::StrCat(side, "Width"), 0, kSideMax, style.width);
  reader.Number(absl::StrCat(side, "Dashed"), 0, kSideMax, style.dash);
  const std::string name = absl::StrCat(side, "Color");
  if (reader.Find(name) == nullptr) return;
  style.color.emplace();
  reader.ColorOf(name, *style.color);
}

void ReadLogBase(Reader& reader, Parameters& parameters) {
  const std::string* value = reader.Find("logBase");
  if (value == nullptr) return;
  if (*value == "e") {
    parameters.log_base = std::exp(1.0);
    return;
  }
  double base = 0;
  reader.Number("logBase", -kNumberMax, kNumberMax, base);
  if (base == 1) reader.Refuse("logBase", *value, "e or a number greater than 1");
  if (base > 1) parameters.log_base = base;  // smaller ones are ignored, as graphite-web does
}

void ReadDivisors(Reader& reader, Parameters& parameters) {
  const std::string* value = reader.Find("yDivisors");
  if (value == nullptr) return;
  parameters.y_divisors.clear();
  for (const absl::string_view item : absl::StrSplit(*value, ',')) {
    int divisor = 0;
    const bool is_good = absl::SimpleAtoi(item, &divisor) && divisor >= 1 && divisor <= 1000;
    if (is_good && parameters.y_divisors.size() < kDivisorsMax) {
      parameters.y_divisors.push_back(divisor);
    } else {
      return reader.Refuse(
          "yDivisors", *value,
          absl::StrCat("up to ", kDivisorsMax, " whole numbers from 1 to 1000, such as 4,5,6"));
    }
  }
}

void ReadAxes(Reader& reader, Parameters& parameters) {
  if (reader.Find("hideLegend")) parameters.hides_legend = reader.Switch("hideLegend");
  parameters.is_graph_only = reader.Switch("graphOnly");
  parameters.has_unique_legend = reader.Switch("uniqueLegend");
  parameters.hides_null_in_legend = reader.Switch("hideNullFromLegend");
  parameters.hides_axes = reader.Switch("hideAxes");
  parameters.hides_x_axis = reader.Switch("hideXAxis");
  parameters.hides_y_axis = reader.Switch("hideYAxis");
  parameters.hides_grid = reader.Switch("hideGrid");
  reader.Word<AxisSide>("yAxisSide", {{"left", AxisSide::kLeft}, {"right", AxisSide::kRight}},
                        parameters.y_axis_side);
  const std::string* system = reader.Find("yUnitSystem");
  static constexpr std::pair<const char*, UnitSystem> kSystems[] = {
      {"binary", UnitSystem::kBinary},
      {"sec", UnitSystem::kSeconds},
      {"msec", UnitSystem::kMilliseconds},
      {"none", UnitSystem::kNone}};
  for (const auto& [word, meaning] : kSystems) {  // others are si, as graphite-web does
    if (system != nullptr && absl::EqualsIgnoreCase(*system, word))
      parameters.unit_system = meaning;
  }
  ReadDivisors(reader, parameters);
  ReadLogBase(reader, parameters);
  reader.Integer("minorY", -1, kMinorLinesMax, parameters.minor_y);
  reader.Text("xFormat", parameters.x_format);
  if (parameters.x_format.size() > kXFormatBytesMax) {
    reader.Refuse("xFormat", parameters.x_format,
                  absl::StrCat("at most ", kXFormatBytesMax, " bytes"));
  }
  // min and max are older names of yMin and yMax.
  reader.Number("min", -kNumberMax, kNumberMax, parameters.y_axis.min);
  const std::string* max = reader.Find("max");
  if (max != nullptr && *max == "max") {
    parameters.y_axis.ends_at_maximum = true;
  } else {
    reader.Number("max", -kNumberMax, kNumberMax, parameters.y_axis.max);
  }
  const bool ended_at_maximum = parameters.y_axis.ends_at_maximum;
  ReadAxis(reader, "", parameters.y_axis);
  parameters.y_axis.ends_at_maximum |= ended_at_maximum && reader.Find("yMax") == nullptr;
  ReadAxis(reader, "Left", parameters.left_axis);
  ReadAxis(reader, "Right", parameters.right_axis);
  ReadSide(reader, "left", parameters.left);
  ReadSide(reader, "right", parameters.right);
}

void ReadPie(Reader& reader, Parameters& parameters) {
  reader.Word<PieLabels>("pieLabels",
                         {{"horizontal", PieLabels::kHorizontal}, {"rotated", PieLabels::kRotated}},
                         parameters.pie_labels);
  reader.Word<ValueLabels>("valueLabels",
                           {{"none", ValueLabels::kNone},
                            {"number", ValueLabels::kNumber},
                            {"percent", ValueLabels::kPercent}},
                           parameters.value_labels);
  reader.Number("valueLabelsMin", -kNumberMax, kNumberMax, parameters.value_labels_min);
  reader.ColorOf("valueLabelsColor", parameters.value_labels_color);
}

// A graph alone has no place for anything else.
void KeepGraphOnly(Parameters& parameters) {
  parameters.hides_legend = true;
  parameters.hides_grid = true;
  parameters.hides_axes = true;
  parameters.hides_x_axis = false;
  parameters.hides_y_axis = false;
  parameters.y_axis_side = AxisSide::kLeft;
  parameters.title.clear();
  parameters.vertical_title.clear();
  parameters.vertical_title_right.clear();
}

}  // namespace

absl::StatusOr<Parameters> ReadParameters(const ParameterSource& source, PictureFormat format,
                                          absl::TimeZone zone) {
  Parameters parameters;
  parameters.format = format;
  parameters.zone = zone;
  Reader reader(source);
  ReadSize(reader, parameters);
  ReadLook(reader, parameters);
  reader.Text("title", parameters.title);
  reader.Text("vtitle", parameters.vertical_title);
  reader.Text("vtitleRight", parameters.vertical_title_right);
  ReadLines(reader, parameters);
  ReadAxes(reader, parameters);
  ReadPie(reader, parameters);
  if (parameters.is_graph_only) KeepGraphOnly(parameters);
  if (!reader.status().ok()) return reader.status();
  return parameters;
}

}  // namespace plumbago::graph

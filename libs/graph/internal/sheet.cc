#include "graph/internal/sheet.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

namespace plumbago::graph::internal {
namespace {

constexpr double kPadding = 5;
constexpr size_t kTitleLinesMax = 20;

Color Dark() { return *ParseColor("darkgrey"); }

bool IsHexByte(const std::string& text, size_t at) {
  return at + 1 < text.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text[at])) &&
         absl::ascii_isxdigit(static_cast<unsigned char>(text[at + 1]));
}

const std::string& LongestName(const std::vector<LegendEntry>& entries) {
  return std::max_element(
             entries.begin(), entries.end(),
             [](const auto& a, const auto& b) { return a.name.size() < b.name.size(); })
      ->name;
}

void DropRepeatedNames(std::vector<LegendEntry>& entries) {
  absl::flat_hash_set<std::string> seen;
  std::erase_if(entries, [&](const auto& entry) { return !seen.insert(entry.name).second; });
}

}  // namespace

std::string Unquoted(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && IsHexByte(text, i + 1)) {
      plain += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, absl::MaxSplits('\n', kTitleLinesMax));
  if (lines.size() > kTitleLinesMax) lines.resize(kTitleLinesMax);
  return lines;
}

Font TitleFont(const Font& font) {
  Font title = font;
  title.size += std::floor(std::log(font.size));
  return title;
}

Sheet::Sheet(const Parameters& parameters)
    : parameters_(parameters),
      margin_(parameters.is_graph_only ? 0 : parameters.margin),
      canvas_(parameters.format, parameters.width, parameters.height) {
  canvas_.SetColor(parameters.background);
  canvas_.Fill({0, 0, 1.0 * parameters.width, 1.0 * parameters.height});
  area_ = {0, 1.0 * parameters.width, 0, 1.0 * parameters.height};
  if (!parameters.is_graph_only) {
    // More on the left: the text of the first time stands half beyond its mark.
    area_ = {margin_ + 10, area_.x_max - margin_, margin_, area_.y_max - margin_};
  }
}

void Sheet::DrawNoData() {
  Font font = parameters_.font;
  font.size = std::max(1.0, std::log(1.0 * parameters_.width * parameters_.height));
  canvas_.SetFont(font);
  canvas_.SetColor(*ParseColor("red"));
  canvas_.DrawText(
      "No Data",
      {.x = parameters_.width / 2.0, .y = parameters_.height / 2.0, .align = Align::kCenter});
}

void Sheet::DrawTitle() {
  canvas_.BeginGroup("title");
  double y = area_.y_min;
  for (const std::string& line : LinesOf(Unquoted(parameters_.title))) {
    canvas_.DrawText(line, {.x = parameters_.width / 2.0, .y = y, .align = Align::kCenter});
    y += canvas_.font_extents().height;
  }
  area_.y_min = parameters_.y_axis_side == AxisSide::kRight ? y : y + margin_;
}

void Sheet::DrawLegend(std::vector<LegendEntry> entries, Sides sides) {
  if (entries.empty()) return;
  canvas_.BeginGroup("legend");
  if (parameters_.has_unique_legend) DropRepeatedNames(entries);
  const std::string longest = LongestName(entries);
  const double text_height = canvas_.font_extents().height;
  Columns columns{.box = text_height - 1, .line_height = text_height + 1, .width = 0, .count = 1};
  columns.width = canvas_.TextWidth(longest) + 2 * (columns.box + kPadding);
  canvas_.SetLineWidth(1);
  const double two_columns =
      canvas_.TextWidth(longest + " " + longest) + 2 * (columns.box + kPadding);
  if (sides == Sides::kTwo && two_columns + 50 < parameters_.width) {
    columns.count = static_cast<int>((parameters_.width - area_.x_min) / columns.width) / 2;
    columns.count = std::max(1, columns.count);
    DrawInTwoBlocks(entries, columns);
  } else {
    columns.count = std::max(1, static_cast<int>(parameters_.width / columns.width));
    DrawInOneBlock(entries, columns);
  }
}

void Sheet::DrawInOneBlock(const std::vector<LegendEntry>& entries, const Columns& columns) {
  const double lines = std::ceil(static_cast<double>(entries.size()) / columns.count);
  area_.y_max -= lines * columns.line_height + kPadding;
  double x = area_.x_min;
  double y = area_.y_max + 2 * kPadding;
  int column = 0;
  for (const LegendEntry& entry : entries) {
    if (entry.side == AxisSide::kRight) {
      DrawEntry(entry, {x + columns.width + kPadding, y, columns.box, columns.box},
                x + columns.width, Align::kRight);
    } else {
      DrawEntry(entry, {x, y, columns.box, columns.box}, x + columns.box + kPadding, Align::kLeft);
    }
    x += columns.width;
    if (++column % columns.count == 0) {
      x = area_.x_min;
      y += columns.line_height;
    }
  }
}

void Sheet::DrawInTwoBlocks(const std::vector<LegendEntry>& entries, const Columns& columns) {
  const auto right_count = static_cast<double>(
      std::count_if(entries.begin(), entries.end(),
                    [](const LegendEntry& entry) { return entry.side == AxisSide::kRight; }));
  const double lines = std::max(static_cast<double>(entries.size()) - right_count, right_count);
  area_.y_max -= std::max(1.0, lines / columns.count) * columns.line_height + kPadding;
  const double right_edge = area_.x_max - area_.x_min;
  double x[2] = {area_.x_min, right_edge};
  double y[2] = {area_.y_max + 2 * kPadding, area_.y_max + 2 * kPadding};
  int column[2] = {0, 0};
  for (const LegendEntry& entry : entries) {
    const int side = entry.side == AxisSide::kRight ? 1 : 0;
    if (side == 1) {
      DrawEntry(entry, {x[1] - kPadding, y[1], columns.box, columns.box}, x[1] - columns.box,
                Align::kRight);
    } else {
      DrawEntry(entry, {x[0], y[0], columns.box, columns.box}, x[0] + columns.box + kPadding,
                Align::kLeft);
    }
    x[side] += side == 1 ? -columns.width : columns.width;
    if (++column[side] % columns.count == 0) {
      x[side] = side == 1 ? right_edge : area_.x_min;
      y[side] += columns.line_height;
    }
  }
}

void Sheet::DrawEntry(const LegendEntry& entry, const Rectangle& box, double text_x, Align align) {
  const bool is_seen = box.y < parameters_.height && box.y + box.height > 0;
  if (!is_seen) return;  // of thousands of names most are outside
  canvas_.SetColor(entry.color);
  canvas_.Fill(box);
  canvas_.SetColor(Dark());
  canvas_.Outline(box);
  canvas_.SetColor(parameters_.foreground);
  canvas_.DrawText(entry.name, {.x = text_x, .y = box.y, .align = align});
}

}  // namespace plumbago::graph::internal

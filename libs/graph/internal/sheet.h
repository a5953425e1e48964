// The canvas with the part of it that is still free, and what line and pie graphs put around it.
#pragma once

#include <string>
#include <vector>

#include "graph/canvas.h"
#include "graph/parameters.h"

namespace plumbago::graph::internal {

// Edges of the free part.
struct Area {
  double x_min = 0;
  double x_max = 0;
  double y_min = 0;
  double y_max = 0;

  Rectangle rectangle() const { return {x_min, y_min, x_max - x_min, y_max - y_min}; }
};

struct LegendEntry {
  std::string name;
  Color color;
  AxisSide side = AxisSide::kLeft;
};

enum class Sides { kOne, kTwo };

class Sheet {
 public:
  // Paints the background. The parameters must outlive the sheet.
  explicit Sheet(const Parameters& parameters);

  Canvas& canvas() { return canvas_; }
  Area& area() { return area_; }
  const Parameters& parameters() const { return parameters_; }
  double margin() const { return margin_; }

  void UseFont() { canvas_.SetFont(parameters_.font); }
  void DrawNoData();
  // Above the graph, in a larger font; lines are separated by line feeds.
  void DrawTitle();
  // Below the graph, in as many columns as fit; takes its height from the area.
  void DrawLegend(std::vector<LegendEntry> entries, Sides sides);

 private:
  struct Columns {
    double box;  // side of the coloured square
    double line_height;
    double width;
    int count;
  };

  void DrawInOneBlock(const std::vector<LegendEntry>& entries, const Columns& columns);
  void DrawInTwoBlocks(const std::vector<LegendEntry>& entries, const Columns& columns);
  void DrawEntry(const LegendEntry& entry, const Rectangle& box, double text_x, Align align);

  const Parameters& parameters_;
  const double margin_;
  Canvas canvas_;
  Area area_;
};

// '+' is a blank, %XX a byte: titles and names are written as in URLs, once more than the URL is.
std::string Unquoted(const std::string& text);

// At most 20, so that a title leaves room for the graph.
std::vector<std::string> LinesOf(const std::string& text);

// The font of titles.
Font TitleFont(const Font& font);

}  // namespace plumbago::graph::internal

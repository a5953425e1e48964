// A surface to draw on: Cairo for shapes, Pango for text. The only file of this library that knows
// either of them is canvas.cc.
//
// Coordinates are pixels from the upper left corner, doubles of any size: what is outside of the
// canvas is not seen, and what Cairo cannot hold is moved to the nearest place it can. One thread
// at a time. Text of any bytes: what is not UTF-8 is shown as U+FFFD, what is behind kTextBytesMax
// not at all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/color.h"
#include "graph/parameters.h"

namespace plumbago::graph {

enum class Align { kLeft, kCenter, kRight };
enum class VerticalAlign { kTop, kMiddle, kBottom, kBaseline };

struct TextPlace {
  double x = 0;
  double y = 0;
  Align align = Align::kLeft;
  VerticalAlign vertical = VerticalAlign::kTop;
  double degrees = 0;  // clockwise
};

struct FontExtents {
  double height = 0;  // from one line to the next
  double ascent = 0;
  double descent = 0;
};

struct Rectangle {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

enum class Coverage { kOwnAlpha, kGivenAlpha };

class Canvas {
 public:
  Canvas(PictureFormat format, int width, int height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  // The alpha of the colour itself wins unless the coverage says otherwise.
  void SetColor(const Color& color, double alpha = 1, Coverage coverage = Coverage::kOwnAlpha);
  void SetLineWidth(double width);
  void SetDash(std::optional<double> length);

  void SetFont(const Font& font);
  FontExtents font_extents() const;
  double TextWidth(absl::string_view text);
  void DrawText(absl::string_view text, const TextPlace& place);

  void MoveTo(double x, double y);
  void LineTo(double x, double y);
  void Stroke();
  void Line(double x1, double y1, double x2, double y2);
  void Fill(const Rectangle& rectangle);
  void Outline(const Rectangle& rectangle);
  // A slice of a circle, angles in radians clockwise from the right.
  void FillSlice(double x, double y, double radius, double from, double to);

  // Nothing outside of the rectangle is drawn, until the end.
  void Clip(const Rectangle& rectangle);
  void SaveClip();
  void RestoreClip();
  // Fills between the current path, which ends at `end_x`, and the line y = `base_y`; from then on
  // draws only outside of what was filled, within `bounds`.
  void FillAreaAndClip(double start_x, double end_x, double base_y, const Rectangle& bounds);

  // Begins a group of an SVG with this class; elsewhere nothing.
  void BeginGroup(const std::string& name);

  // The picture. Internal: Cairo ran out of something.
  absl::StatusOr<std::string> Finish();
  const std::vector<std::string>& groups() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace plumbago::graph

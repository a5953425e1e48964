#include "graph/canvas.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "functions/text.h"
#include "graph/internal/svg.h"

namespace plumbago::graph {
namespace {

// Cairo has 24 bits before the point.
constexpr double kCoordinateMax = 1e6;
constexpr size_t kFontNameBytesMax = 100;

double Held(double coordinate) {
  if (std::isnan(coordinate)) return 0;
  return std::clamp(coordinate, -kCoordinateMax, kCoordinateMax);
}

cairo_status_t AppendBytes(void* out, const unsigned char* data, unsigned int size) {
  static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(data), size);
  return CAIRO_STATUS_SUCCESS;
}

cairo_surface_t* MakeSurface(PictureFormat format, int width, int height, std::string* out) {
  switch (format) {
    case PictureFormat::kPng:
      return cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    case PictureFormat::kSvg:
      return cairo_svg_surface_create_for_stream(AppendBytes, out, width, height);
    case PictureFormat::kPdf:
      return cairo_pdf_surface_create_for_stream(AppendBytes, out, width, height);
  }
  return nullptr;
}

// At most kTextBytesMax bytes, whole characters of UTF-8 without NUL.
std::string Drawable(absl::string_view text) {
  std::string valid = functions::ValidUtf8(text.substr(0, kTextBytesMax));
  std::replace(valid.begin(), valid.end(), '\0', ' ');
  return valid;
}

}  // namespace

// Everything of Cairo and Pango, freed in reverse order of making.
struct Canvas::State {
  State(PictureFormat picture_format, int width, int height)
      : format(picture_format),
        surface(MakeSurface(picture_format, width, height, &stream)),
        cairo(cairo_create(surface)),
        // A map of its own: the one of the thread would keep every font that anybody ever named.
        fonts(pango_cairo_font_map_new()),
        context(pango_font_map_create_context(fonts)),
        layout(nullptr) {
    pango_cairo_update_context(cairo, context);
    layout = pango_layout_new(context);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
  }
  ~State() {
    g_object_unref(layout);
    g_object_unref(context);
    g_object_unref(fonts);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const PictureFormat format;
  std::string stream;
  cairo_surface_t* const surface;
  cairo_t* const cairo;
  PangoFontMap* const fonts;
  PangoContext* const context;
  PangoLayout* layout;
  FontExtents extents;
  std::vector<std::string> groups;
};

Canvas::Canvas(PictureFormat format, int width, int height)
    : state_(std::make_unique<State>(format, width, height)) {}

Canvas::~Canvas() = default;

void Canvas::SetColor(const Color& color, double alpha, Coverage coverage) {
  if (coverage == Coverage::kOwnAlpha && color.alpha) alpha = *color.alpha;
  cairo_set_source_rgba(state_->cairo, color.red, color.green, color.blue, alpha);
}

void Canvas::SetLineWidth(double width) {
  cairo_set_line_width(state_->cairo, std::clamp(width, 0.0, 1.0 * kSideMax));
}

void Canvas::SetDash(std::optional<double> length) {
  // A dash below a thousandth of a pixel would cost much and show nothing.
  if (length && *length >= 0.001) {
    const double dash = std::min(*length, 1.0 * kSideMax);
    cairo_set_dash(state_->cairo, &dash, 1, 1);
  } else {
    cairo_set_dash(state_->cairo, nullptr, 0, 0);
  }
}

void Canvas::SetFont(const Font& font) {
  PangoFontDescription* const description = pango_font_description_new();
  const std::string name = functions::ValidUtf8(font.name.substr(0, kFontNameBytesMax));
  pango_font_description_set_family(description, name.c_str());
  pango_font_description_set_absolute_size(description, font.size * PANGO_SCALE);
  pango_font_description_set_weight(description,
                                    font.is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_font_description_set_style(description,
                                   font.is_italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
  pango_layout_set_font_description(state_->layout, description);
  PangoFontMetrics* const metrics =
      pango_context_get_metrics(state_->context, description, pango_language_get_default());
  const auto pixels = [](int units) { return static_cast<double>(units) / PANGO_SCALE; };
  state_->extents.ascent = pixels(pango_font_metrics_get_ascent(metrics));
  state_->extents.descent = pixels(pango_font_metrics_get_descent(metrics));
  state_->extents.height = std::max(pixels(pango_font_metrics_get_height(metrics)),
                                    state_->extents.ascent + state_->extents.descent);
  pango_font_metrics_unref(metrics);
  pango_font_description_free(description);
}

FontExtents Canvas::font_extents() const { return state_->extents; }

double Canvas::TextWidth(absl::string_view text) {
  const std::string drawable = Drawable(text);
  pango_layout_set_text(state_->layout, drawable.data(), static_cast<int>(drawable.size()));
  int width = 0;
  pango_layout_get_size(state_->layout, &width, nullptr);
  return static_cast<double>(width) / PANGO_SCALE;
}

void Canvas::DrawText(absl::string_view text, const TextPlace& place) {
  const double width = TextWidth(text);  // lays the text out
  const FontExtents& font = state_->extents;
  const double left = place.align == Align::kLeft     ? 0
                      : place.align == Align::kCenter ? width / 2
                                                      : width;
  const double down = place.vertical == VerticalAlign::kTop      ? font.ascent
                      : place.vertical == VerticalAlign::kMiddle ? font.height / 2 - font.descent
                      : place.vertical == VerticalAlign::kBottom ? -font.descent
                                                                 : 0;
  const double angle = place.degrees * std::numbers::pi / 180;
  cairo_t* const cairo = state_->cairo;
  cairo_matrix_t matrix;
  cairo_get_matrix(cairo, &matrix);
  cairo_new_path(cairo);
  cairo_translate(cairo, Held(place.x - std::sin(angle) * down),
                  Held(place.y + std::cos(angle) * down));
  cairo_rotate(cairo, angle);
  cairo_move_to(cairo, -left, 0);
  pango_cairo_layout_line_path(cairo, pango_layout_get_line_readonly(state_->layout, 0));
  cairo_fill(cairo);
  cairo_set_matrix(cairo, &matrix);
}

void Canvas::MoveTo(double x, double y) { cairo_move_to(state_->cairo, Held(x), Held(y)); }

void Canvas::LineTo(double x, double y) { cairo_line_to(state_->cairo, Held(x), Held(y)); }

void Canvas::Stroke() { cairo_stroke(state_->cairo); }

void Canvas::Line(double x1, double y1, double x2, double y2) {
  MoveTo(x1, y1);
  LineTo(x2, y2);
  Stroke();
}

void Canvas::Fill(const Rectangle& rectangle) {
  cairo_rectangle(state_->cairo, Held(rectangle.x), Held(rectangle.y), Held(rectangle.width),
                  Held(rectangle.height));
  cairo_fill(state_->cairo);
}

void Canvas::Outline(const Rectangle& rectangle) {
  // Moved in by half a line, so that it covers the pixels that a line there would.
  const double half = cairo_get_line_width(state_->cairo) / 2;
  SetDash(std::nullopt);
  cairo_rectangle(state_->cairo, Held(rectangle.x + half), Held(rectangle.y + half),
                  Held(rectangle.width - half), Held(rectangle.height - half));
  cairo_stroke(state_->cairo);
}

void Canvas::FillSlice(double x, double y, double radius, double from, double to) {
  MoveTo(x, y);
  cairo_arc(state_->cairo, Held(x), Held(y), Held(radius), from, to);
  LineTo(x, y);
  cairo_fill(state_->cairo);
}

void Canvas::Clip(const Rectangle& rectangle) {
  cairo_rectangle(state_->cairo, Held(rectangle.x), Held(rectangle.y), Held(rectangle.width),
                  Held(rectangle.height));
  cairo_clip(state_->cairo);
}

void Canvas::SaveClip() { cairo_save(state_->cairo); }

void Canvas::RestoreClip() { cairo_restore(state_->cairo); }

void Canvas::FillAreaAndClip(double start_x, double end_x, double base_y, const Rectangle& bounds) {
  cairo_t* const cairo = state_->cairo;
  const double right = bounds.x + bounds.width;
  const double bottom = bounds.y + bounds.height;
  cairo_path_t* const line = cairo_copy_path(cairo);
  LineTo(end_x, base_y);
  LineTo(start_x, base_y);
  cairo_close_path(cairo);
  cairo_fill(cairo);
  // What is left: from the line up and around, and from the base down and around.
  cairo_append_path(cairo, line);
  cairo_path_destroy(line);
  for (const double side : {bounds.y, bottom}) {
    LineTo(end_x, base_y);
    LineTo(right, base_y);
    LineTo(right, side);
    LineTo(bounds.x, side);
    LineTo(bounds.x, base_y);
    LineTo(start_x, base_y);
  }
  cairo_close_path(cairo);
  cairo_clip(cairo);
}

void Canvas::BeginGroup(const std::string& name) {
  if (state_->format != PictureFormat::kSvg) return;
  // Cairo cannot write groups. A path around the picture, which it would leave out if it were only
  // on one side of it, marks where one begins.
  cairo_t* const cairo = state_->cairo;
  cairo_save(cairo);
  cairo_set_source_rgba(cairo, 0, 0, 0, 1);
  cairo_set_line_width(cairo, 1);
  cairo_set_dash(cairo, nullptr, 0, 0);
  const double mark = internal::kMarkCoordinate;
  cairo_move_to(cairo, mark, mark);
  cairo_line_to(cairo, mark, kSideMax - mark);
  cairo_line_to(cairo, kSideMax - mark, kSideMax - mark);
  cairo_stroke(cairo);
  cairo_restore(cairo);
  state_->groups.push_back(name);
}

absl::StatusOr<std::string> Canvas::Finish() {
  cairo_status_t status = cairo_status(state_->cairo);
  if (status == CAIRO_STATUS_SUCCESS && state_->format == PictureFormat::kPng) {
    status = cairo_surface_write_to_png_stream(state_->surface, AppendBytes, &state_->stream);
  } else {
    cairo_surface_finish(state_->surface);
  }
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(state_->surface);
  if (status == CAIRO_STATUS_SUCCESS) return std::move(state_->stream);
  return absl::InternalError(
      absl::StrCat("the picture cannot be drawn: ", cairo_status_to_string(status)));
}

const std::vector<std::string>& Canvas::groups() const { return state_->groups; }

}  // namespace plumbago::graph

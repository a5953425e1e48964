// Pictures: that they are pictures of the right size, that lines are where values say (single
// pixels are looked at), and that nothing a client can ask for does more than fail.
#include "graph/graph.h"

#include <cairo.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>

namespace plumbago::graph {
namespace {

using functions::MakeSeries;
using functions::Series;
using functions::SeriesList;
using Values = std::map<std::string, std::string>;

constexpr double N = functions::kNull;

absl::StatusOr<Parameters> Read(const Values& values, PictureFormat format) {
  return ReadParameters(
      [&](absl::string_view name) -> const std::string* {
        const auto entry = values.find(std::string(name));
        return entry == values.end() ? nullptr : &entry->second;
      },
      format, absl::UTCTimeZone());
}

absl::StatusOr<std::string> Draw(SeriesList list, const Values& values,
                                 PictureFormat format = PictureFormat::kPng) {
  const auto parameters = Read(values, format);
  if (!parameters.ok()) return parameters.status();
  return DrawLineGraph(std::move(list), *parameters);
}

// A PNG as Cairo reads it again.
class Png {
 public:
  explicit Png(const std::string& bytes) : bytes_(bytes) {
    surface_ = cairo_image_surface_create_from_png_stream(Read, this);
    REQUIRE(cairo_surface_status(surface_) == CAIRO_STATUS_SUCCESS);
  }
  ~Png() { cairo_surface_destroy(surface_); }
  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }
  // rrggbb
  uint32_t At(int x, int y) const {
    const unsigned char* row =
        cairo_image_surface_get_data(surface_) + y * cairo_image_surface_get_stride(surface_);
    return reinterpret_cast<const uint32_t*>(row)[x] & 0xFFFFFF;
  }

 private:
  static cairo_status_t Read(void* self, unsigned char* data, unsigned int size) {
    auto* png = static_cast<Png*>(self);
    if (png->bytes_.size() - png->at_ < size) return CAIRO_STATUS_READ_ERROR;
    png->bytes_.copy(reinterpret_cast<char*>(data), size, png->at_);
    png->at_ += size;
    return CAIRO_STATUS_SUCCESS;
  }

  std::string bytes_;
  size_t at_ = 0;
  cairo_surface_t* surface_ = nullptr;
};

// Ten minutes of one value.
Series Flat(const std::string& name, double value) {
  return MakeSeries(name, 0, 600, 60, std::vector<double>(10, value));
}

const Values kBare = {{"graphOnly", "true"}, {"width", "100"}, {"height", "100"},
                      {"yMin", "0"},         {"yMax", "100"},  {"colorList", "0000ff"},
                      {"lineWidth", "3"}};

Values With(Values values, const Values& more) {
  for (const auto& [name, value] : more) values[name] = value;
  return values;
}

constexpr uint32_t kBlue = 0x0000FF;
constexpr uint32_t kWhite = 0xFFFFFF;

TEST_CASE("A picture has the size asked for", "[graph]") {
  const Png usual(Draw({Flat("a", 1)}, {}).value());
  CHECK(usual.width() == 330);
  CHECK(usual.height() == 250);
  const Png other(Draw({Flat("a", 1)}, {{"width", "800"}, {"height", "77"}}).value());
  CHECK(other.width() == 800);
  CHECK(other.height() == 77);
}

TEST_CASE("A line is at the height of its values", "[graph]") {
  const double value = GENERATE(20.0, 50.0, 90.0);
  const Png png(Draw({Flat("a", value)}, kBare).value());
  const int y = 100 - static_cast<int>(value);
  CHECK(png.At(50, y) == kBlue);
  CHECK(png.At(50, y - 4) == kWhite);
  CHECK(png.At(50, y + 4) == kWhite);
}

TEST_CASE("A slope runs through the middle, a staircase does not", "[graph]") {
  const SeriesList list = {MakeSeries("a", 0, 120, 60, std::vector<double>{0, 100})};
  const Png slope(Draw(list, With(kBare, {{"lineWidth", "5"}})).value());
  CHECK(slope.At(50, 50) == kBlue);
  CHECK(slope.At(25, 75) == kBlue);
  const Png stairs(Draw(list, With(kBare, {{"lineMode", "staircase"}})).value());
  CHECK(stairs.At(25, 75) == kWhite);
  CHECK(stairs.At(25, 99) == kBlue);
  CHECK(stairs.At(75, 0) == kBlue);
}

TEST_CASE("Nulls leave a gap, unless connected or drawn as zero", "[graph]") {
  std::vector<double> values(11, 50);
  for (size_t i = 3; i < 8; ++i) values[i] = N;
  const SeriesList list = {MakeSeries("a", 0, 660, 60, values)};
  CHECK(Png(Draw(list, kBare).value()).At(60, 50) == kWhite);
  CHECK(Png(Draw(list, With(kBare, {{"lineMode", "connected"}})).value()).At(60, 50) == kBlue);
  CHECK(Png(Draw(list, With(kBare, {{"lineMode", "connected"}, {"connectedLimit", "4"}})).value())
            .At(60, 50) == kWhite);
  CHECK(Png(Draw(list, With(kBare, {{"drawNullAsZero", "true"}})).value()).At(60, 99) == kBlue);
}

TEST_CASE("Areas are filled down to zero, stacked ones upon each other", "[graph]") {
  const SeriesList list = {Flat("a", 20), Flat("b", 30)};
  const Values colors = With(kBare, {{"colorList", "0000ff,ff0000"}, {"lineMode", "staircase"}});
  const Png first(Draw(list, With(colors, {{"areaMode", "first"}})).value());
  CHECK(first.At(50, 90) == kBlue);
  CHECK(first.At(50, 75) == kWhite);
  const Png stacked(Draw(list, With(colors, {{"areaMode", "stacked"}})).value());
  CHECK(stacked.At(50, 90) == kBlue);
  CHECK(stacked.At(50, 70) == 0xFF0000);
  CHECK(stacked.At(50, 55) == 0xFF0000);
  CHECK(stacked.At(50, 45) == kWhite);
  const Png faint(
      Draw(list, With(colors, {{"areaMode", "stacked"}, {"areaAlpha", "0.5"}})).value());
  CHECK(faint.At(50, 90) == 0x7F7FFF);
}

TEST_CASE("Options of functions decide about a line", "[graph]") {
  Series colored = Flat("a", 50);
  colored.options.Set("color", "ff0000");
  CHECK(Png(Draw({colored}, kBare).value()).At(50, 50) == 0xFF0000);
  colored.options.Set("alpha", "0.5");
  CHECK(Png(Draw({colored}, kBare).value()).At(50, 50) == 0xFF7F7F);
  colored.options.Set("invisible", "1");
  CHECK(Png(Draw({colored}, kBare).value()).At(50, 50) == kWhite);
  Series infinite = MakeSeries("i", 0, 600, 60, std::vector<double>{0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
  infinite.options.Set("drawAsInfinite", "1");
  const Png vertical(Draw({infinite}, kBare).value());
  CHECK(vertical.At(55, 20) == kBlue);
  Series wide = Flat("w", 50);
  wide.options.Set("lineWidth", "21");
  CHECK(Png(Draw({wide}, kBare).value()).At(50, 41) == kBlue);
  colored.options.Set("color", "nothing");
  CHECK(Draw({colored}, kBare).status().message() ==
        "color: \"nothing\" is not a color; use a name such as blue, rrggbb or rrggbbaa");
}

TEST_CASE("A second axis has a scale of its own", "[graph]") {
  Series right = Flat("r", 5);
  right.options.Set("secondYAxis", "1");
  const Values values = With(kBare, {{"yMinLeft", "0"},
                                     {"yMaxLeft", "100"},
                                     {"yMinRight", "0"},
                                     {"yMaxRight", "10"},
                                     {"leftColor", "0000ff"},
                                     {"rightColor", "ff0000"},
                                     {"width", "300"}});
  const Png png(Draw({Flat("l", 20), right}, values).value());
  CHECK(png.At(150, 80) == kBlue);
  CHECK(png.At(150, 50) == 0xFF0000);
}

TEST_CASE("A logarithmic axis has equal room for equal factors", "[graph]") {
  const Values values = With(kBare, {{"logBase", "10"}, {"yMin", "1"}, {"yMax", "10000"}});
  CHECK(Png(Draw({Flat("a", 100)}, values).value()).At(50, 50) == kBlue);
  const auto refused = Draw({Flat("a", -1)}, With(values, {{"yMin", ""}}));
  CHECK(refused.status().message() ==
        "the y axis cannot be drawn: logBase needs values above zero, and the least is -1");
}

TEST_CASE("Without data the picture says so in red", "[graph]") {
  const auto has_red = [](const std::string& bytes) {
    const Png png(bytes);
    for (int y = 0; y < png.height(); ++y) {
      for (int x = 0; x < png.width(); ++x) {
        if (png.At(x, y) == 0xC80032) return true;
      }
    }
    return false;
  };
  CHECK(has_red(Draw({}, {}).value()));
  CHECK(has_red(Draw({MakeSeries("a", 0, 0, 60, std::vector<double>{})}, {}).value()));
  CHECK(has_red(DrawPieGraph({}, Read({}, PictureFormat::kPng).value()).value()));
  CHECK_FALSE(has_red(Draw({Flat("a", 1)}, {}).value()));
}

TEST_CASE("A pie has slices of the right size and colour from the top on", "[graph]") {
  const Values values = {{"width", "200"},
                         {"height", "200"},
                         {"hideLegend", "true"},
                         {"colorList", "0000ff,ff0000,00ff00"},
                         {"valueLabels", "none"}};
  const Parameters parameters = Read(values, PictureFormat::kPng).value();
  const Png png(DrawPieGraph({{"a", 50}, {"b", 25}, {"c", 25}}, parameters).value());
  CHECK(png.At(150, 100) == kBlue);
  CHECK(png.At(60, 140) == 0xFF0000);
  CHECK(png.At(60, 60) == 0x00FF00);
  CHECK(png.At(3, 3) == kWhite);
  CHECK(DrawPieGraph({{"a", N}, {"b", -1}, {"c", HUGE_VAL}, {"d", 1}}, parameters).ok());
  for (const char* labels : {"number", "percent"}) {
    for (const char* direction : {"horizontal", "rotated"}) {
      const auto more = Read({{"valueLabels", labels}, {"pieLabels", direction}, {"title", "t"}},
                             PictureFormat::kSvg);
      CHECK(DrawPieGraph({{"a", 1.5}, {"b", 20}}, *more).ok());
    }
  }
}

TEST_CASE("SVG has groups with classes and facts, and names cannot leave their script", "[graph]") {
  const std::string name = "x]]></script><b>&";
  const std::string svg =
      Draw({Flat(name, 5)}, {{"title", "T"}, {"vtitle", "V"}}, PictureFormat::kSvg).value();
  CHECK(svg.starts_with("<?xml"));
  CHECK_THAT(svg, Catch::Contains("width=\"330px\" height=\"250px\""));
  for (const char* group : {"title", "vtitle", "legend", "axes", "grid", "lines"}) {
    CAPTURE(group);
    CHECK_THAT(svg, Catch::Contains(std::string("<g class=\"") + group + "\">"));
  }
  CHECK_THAT(svg, Catch::Contains("x]]\\u003e\\u003c/script\\u003e\\u003cb\\u003e\\u0026"));
  CHECK(svg.find("]]>") == svg.rfind("]]>"));
  CHECK_THAT(svg, Catch::Contains("\"labelValues\":["));
  CHECK(svg.ends_with("</svg>\n"));
  const auto count = [&](const std::string& text) {
    size_t number = 0;
    for (size_t at = svg.find(text); at != std::string::npos; at = svg.find(text, at + 1)) ++number;
    return number;
  };
  CHECK(count("<g>") + count("<g ") == count("</g>"));
}

TEST_CASE("PDF is one", "[graph]") {
  CHECK(Draw({Flat("a", 1)}, {}, PictureFormat::kPdf)->starts_with("%PDF-"));
}

TEST_CASE("Hostile series give a picture or an error", "[graph]") {
  const double huge = 1.7e308;
  const std::vector<std::vector<double>> columns = {{},
                                                    {N},
                                                    {N, N, N},
                                                    {1},
                                                    {huge, -huge},
                                                    {huge, huge},
                                                    {5e-324, 0},
                                                    {HUGE_VAL, -HUGE_VAL, 1},
                                                    {-1, 0, 1},
                                                    {1e300, 1e300 * (1 + 1e-15)},
                                                    {1e-300, 2e-300}};
  const Values values = GENERATE(
      Values{}, Values{{"logBase", "2"}}, Values{{"areaMode", "stacked"}},
      Values{{"yUnitSystem", "binary"}}, Values{{"yStep", "1e-300"}}, Values{{"yMin", "1e300"}},
      Values{{"yMax", "-1e300"}}, Values{{"yLimit", "0"}}, Values{{"width", "1"}, {"height", "1"}},
      Values{{"width", "20"}, {"height", "8000"}}, Values{{"margin", "5000"}},
      Values{{"fontSize", "200"}}, Values{{"lineWidth", "8000"}}, Values{{"minXStep", "0"}},
      Values{{"minXStep", "8000"}}, Values{{"title", std::string(1 << 20, 'W')}},
      Values{{"title", std::string(1 << 20, '\n')}}, Values{{"vtitle", std::string(5000, '\n')}},
      Values{{"fontName", std::string(100'000, 'f')}}, Values{{"fontName", "\xff\xfe\x01%n"}},
      Values{{"title", std::string("\xff\0\xf0\x9f\x92", 5)}}, Values{{"xFormat", "%%%E*%q%"}},
      Values{{"logBase", "1.0000001"}}, Values{{"hideAxes", "1"}, {"yMin", "3"}, {"yMax", "3"}},
      Values{{"yAxisSide", "right"}, {"vtitle", "x"}});
  for (const auto& column : columns) {
    const auto step = static_cast<int64_t>(column.size() % 2 == 0 ? 60 : 1);
    const int64_t end = step * static_cast<int64_t>(column.size());
    for (const PictureFormat format : {PictureFormat::kPng, PictureFormat::kSvg}) {
      Series second = MakeSeries("b\xff", 7, end + 1'000'000'000, 3600, column);
      second.options.Set("secondYAxis", "1");
      const auto one = Draw({MakeSeries("a", 0, end, step, column)}, values, format);
      CHECK((one.ok() ? !one->empty() : !one.status().message().empty()));
      const auto two = Draw({MakeSeries("a", 0, end, step, column), second}, values, format);
      CHECK((two.ok() ? !two->empty() : !two.status().message().empty()));
    }
  }
}

TEST_CASE("Thousands of series give a picture or an error that names the limit", "[graph]") {
  SeriesList list;
  for (int i = 0; i < 10'000; ++i) list.push_back(Flat("series." + std::to_string(i), i));
  CHECK(Draw(list, {}).ok());
  CHECK(Draw(list, {{"hideLegend", "false"}, {"uniqueLegend", "true"}}).ok());
  CHECK_THAT(std::string(Draw(list, {{"areaMode", "stacked"}}).status().message()),
             Catch::Contains("10000 areas, more than 200"));
  for (Series& series : list) series = MakeSeries("x", 0, 30'000, 60, std::vector<double>(500, 1));
  CHECK_THAT(std::string(Draw(list, {{"width", "8000"}, {"height", "10"}}).status().message()),
             Catch::Contains("5000000 points, more than 2000000"));
}

}  // namespace
}  // namespace plumbago::graph

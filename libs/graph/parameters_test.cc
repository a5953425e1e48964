// How parameters of pictures are read: graphite-web's forms, bounds, and messages that name them.
#include "graph/parameters.h"

#include <catch2/catch.hpp>
#include <map>

namespace plumbago::graph {
namespace {

using Values = std::map<std::string, std::string>;

absl::StatusOr<Parameters> Read(const Values& values) {
  return ReadParameters(
      [&](absl::string_view name) -> const std::string* {
        const auto entry = values.find(std::string(name));
        return entry == values.end() ? nullptr : &entry->second;
      },
      PictureFormat::kPng, absl::UTCTimeZone());
}

TEST_CASE("Parameters that are not given have graphite-web's defaults", "[graph]") {
  const Parameters parameters = Read({{"title", ""}, {"lineWidth", "Default"}}).value();
  CHECK(parameters.width == 330);
  CHECK(parameters.height == 250);
  CHECK(parameters.line_width == 1.2);
  CHECK(parameters.colors.size() == 12);
  CHECK(parameters.colors[0].blue == 1);
  CHECK_FALSE(parameters.hides_legend.has_value());
}

TEST_CASE("Switches are off for false and 0 and on for all else", "[graph]") {
  CHECK(Read({{"hideGrid", "true"}})->hides_grid);
  CHECK(Read({{"hideGrid", "1"}})->hides_grid);
  CHECK(Read({{"hideGrid", "yes"}})->hides_grid);
  CHECK_FALSE(Read({{"hideGrid", "False"}})->hides_grid);
  CHECK_FALSE(Read({{"hideGrid", "0"}})->hides_grid);
  CHECK(Read({{"hideLegend", "false"}})->hides_legend == false);
}

TEST_CASE("Colours are names or hexadecimal, with alpha where given", "[graph]") {
  CHECK(ParseColor("red")->red == Approx(200 / 255.0));
  CHECK(ParseColor("#00ff00")->green == 1);
  CHECK(ParseColor("%2300ff00")->green == 1);
  CHECK(ParseColor("00ff0080")->alpha.value() == Approx(128 / 255.0));
  CHECK_FALSE(ParseColor("red")->alpha.has_value());
  CHECK_FALSE(ParseColor("").ok());
  CHECK_FALSE(ParseColor("#12345").ok());
  CHECK_FALSE(ParseColor("gggggg").ok());
  CHECK(Read({{"colorList", "red, #0000ff"}})->colors.size() == 2);
  CHECK(Read({{"template", "solarized-dark"}})->colors.size() == 8);
  CHECK(Read({{"template", "none such"}})->colors.size() == 12);
  CHECK(FindTemplate("lava2").line_colors.back().red == 1);
}

TEST_CASE("A graph alone drops what would be around it", "[graph]") {
  const Parameters parameters =
      Read({{"graphOnly", "true"}, {"title", "x"}, {"yAxisSide", "right"}}).value();
  CHECK(parameters.title.empty());
  CHECK(parameters.hides_axes);
  CHECK(parameters.y_axis_side == AxisSide::kLeft);
}

TEST_CASE("Older names give way to newer ones", "[graph]") {
  CHECK(Read({{"min", "1"}, {"max", "5"}})->y_axis.max == 5.0);
  CHECK(Read({{"max", "5"}, {"yMax", "6"}})->y_axis.max == 6.0);
  CHECK(Read({{"max", "max"}})->y_axis.ends_at_maximum);
  CHECK(Read({{"thickness", "3"}})->line_width == 3);
  CHECK(Read({{"thickness", "3"}, {"lineWidth", "4"}})->line_width == 4);
}

TEST_CASE("What cannot be drawn is refused with name, value and what is allowed", "[graph]") {
  const auto [name, value, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"width", "0", "width is \"0\"; use a number from 1 to 8192"},
      {"width", "-5", "width is \"-5\""},
      {"width", "1000000000", "width is \"1000000000\""},
      {"height", "nan", "height is \"nan\""},
      {"height", "x", "height is \"x\""},
      {"lineMode", "dots", "lineMode is \"dots\"; use slope, staircase, connected"},
      {"areaMode", "some", "use none, first, all, stacked"},
      {"bgcolor", "nocolor", "bgcolor: \"nocolor\" is not a color"},
      {"colorList", "red,,blue", "colorList: \"\" is not a color"},
      {"yMin", "inf", "yMin is \"inf\""},
      {"yStep", "0", "yStep is \"0\""},
      {"yStep", "-1", "yStep is \"-1\""},
      {"logBase", "1", "logBase is \"1\"; use e or a number greater than 1"},
      {"yDivisors", "4,0", "yDivisors is \"4,0\""},
      {"yDivisors", "", ""},
      {"fontSize", "100000", "fontSize is \"100000\""},
      {"minorY", "1000000", "minorY is \"1000000\""},
      {"xFormat", std::string(101, 'x'), "use at most 100 bytes"},
      {"valueLabels", "all", "use none, number, percent"},
  }));
  CAPTURE(name, value);
  const auto parameters = Read({{name, value}});
  if (expected.empty()) {
    CHECK(parameters.ok());
  } else {
    CHECK_THAT(std::string(parameters.status().message()), Catch::Contains(expected));
  }
}

TEST_CASE("Width and height are bounded together", "[graph]") {
  CHECK(Read({{"width", "3840"}, {"height", "2160"}}).ok());
  CHECK_FALSE(Read({{"width", "8192"}, {"height", "8192"}}).ok());
}

}  // namespace
}  // namespace plumbago::graph

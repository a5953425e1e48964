#include "graph/color.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/status.h"

namespace plumbago::graph {
namespace {

struct NamedColor {
  const char* name;
  int red;
  int green;
  int blue;
};

constexpr NamedColor kNamedColors[] = {
    {"black", 0, 0, 0},          {"white", 255, 255, 255},  {"blue", 100, 100, 255},
    {"green", 0, 200, 0},        {"red", 200, 0, 50},       {"yellow", 255, 255, 0},
    {"orange", 255, 165, 0},     {"purple", 200, 100, 255}, {"brown", 150, 100, 50},
    {"cyan", 0, 255, 255},       {"aqua", 0, 150, 150},     {"gray", 175, 175, 175},
    {"grey", 175, 175, 175},     {"magenta", 255, 0, 255},  {"pink", 255, 100, 100},
    {"gold", 200, 200, 0},       {"rose", 200, 150, 200},   {"darkblue", 0, 0, 255},
    {"darkgreen", 0, 255, 0},    {"darkred", 255, 0, 0},    {"darkgray", 111, 111, 111},
    {"darkgrey", 111, 111, 111},
};

Color FromBytes(int red, int green, int blue) { return {red / 255.0, green / 255.0, blue / 255.0}; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of two digits; negative where they are none.
int HexByte(absl::string_view digits) {
  const int high = HexDigit(digits[0]);
  const int low = HexDigit(digits[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

constexpr char kDefaultLines[] =
    "blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose";
constexpr char kSolarizedLines[] =
    "268bd2aa,859900aa,dc322faa,d33682aa,db4b16aa,b58900aa,2aa198aa,6c71c4aa";

Template MakeTemplate(absl::string_view background, absl::string_view foreground,
                      absl::string_view major, absl::string_view minor, absl::string_view lines) {
  const auto color = [](absl::string_view text) {
    const auto parsed = ParseColor(text);
    PLUMBAGO_CHECK(parsed.ok());
    return *parsed;
  };
  const auto list = ParseColorList(lines);
  PLUMBAGO_CHECK(list.ok());
  return {color(background), color(foreground), color(major), color(minor), *list};
}

std::map<std::string, Template, std::less<>> MakeTemplates() {
  std::map<std::string, Template, std::less<>> all;
  const auto add = [&](const char* name, absl::string_view background, absl::string_view foreground,
                       absl::string_view major, absl::string_view minor, absl::string_view lines) {
    all.emplace(name, MakeTemplate(background, foreground, major, minor, lines));
  };
  add("default", "white", "black", "rose", "grey", kDefaultLines);
  add("solarized-light", "#fdf6e3", "#657b83", "#073642", "#586e75", kSolarizedLines);
  add("solarized-dark", "#002b36", "#839496", "#fdf6e3", "#eee8d5", kSolarizedLines);
  add("classic", "black", "white", "white", "grey", kDefaultLines);
  add("noc", "black", "white", "white", "grey",
      "blue,green,red,yellow,purple,brown,aqua,grey,magenta,pink,gold,rose");
  add("summary", "black", "black", "rose", "grey", "#6666ff,#66ff66,#ff6666");
  add("alphas", "white", "black", "grey", "rose", "00ff00aa,ff000077,00337799");
  add("grafana", "white", "black", "rose", "grey",
      "#7eb26d,#eab839,#6ed0e0,#ef843c,#e24d42,#1f78c1,#ba43a9,#705da0,#508642,#cca300,#447ebc");
  // Those that change the colours of lines alone; each has its reverse under the number 2.
  const std::pair<const char*, const char*> ramps[] = {
      {"ocean", "f7fcf0,e0f3db,ccebc5,a8ddb5,7bccc4,4eb3d3,2b8cbe,0868ac,084081"},
      {"forest", "f7fcf5,e5f5e0,c7e9c0,a1d99b,74c476,41ab5d,238b45,005a32"},
      {"sunset", "fff5eb,fee6ce,fdd0a2,fdae6b,fd8d3c,f16913,d94801,8c2d04"},
      {"moonlight", "fcfbfd,efedf5,dadaeb,bcbddc,9e9ac8,807dba,6a51a3,4a1486"},
      {"lava", "fff5f0,fee0d2,fcbba1,fc9272,fb6a4a,ef3b2c,cb181d,99000d"}};
  for (const auto& [name, lines] : ramps) {
    Template ramp = MakeTemplate("white", "black", "rose", "grey", lines);
    all.emplace(absl::StrCat(name, "1"), ramp);
    std::reverse(ramp.line_colors.begin(), ramp.line_colors.end());
    all.emplace(absl::StrCat(name, "2"), ramp);
  }
  return all;
}

}  // namespace

absl::StatusOr<Color> ParseColor(absl::string_view text) {
  for (const NamedColor& named : kNamedColors) {
    if (text == named.name) return FromBytes(named.red, named.green, named.blue);
  }
  absl::string_view digits = text;
  if (!absl::ConsumePrefix(&digits, "#")) absl::ConsumePrefix(&digits, "%23");
  int bytes[4] = {-1, -1, -1, 255};
  const bool has_size = digits.size() == 6 || digits.size() == 8;
  for (size_t i = 0; has_size && i < digits.size() / 2; ++i) {
    bytes[i] = HexByte(digits.substr(2 * i, 2));
  }
  for (const int byte : bytes) {
    if (byte >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", base::Excerpt(text),
                     "\" is not a color; use a name such as blue, rrggbb or rrggbbaa"));
  }
  Color color = FromBytes(bytes[0], bytes[1], bytes[2]);
  if (digits.size() == 8) color.alpha = bytes[3] / 255.0;
  return color;
}

absl::StatusOr<std::vector<Color>> ParseColorList(absl::string_view text) {
  std::vector<Color> colors;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    if (colors.size() == kColorsMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a list of colors has at most ", kColorsMax, " of them"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const Color color, ParseColor(absl::StripAsciiWhitespace(item)));
    colors.push_back(color);
  }
  return colors;
}

const Template& FindTemplate(absl::string_view name) {
  static const auto* const templates =
      new std::map<std::string, Template, std::less<>>(MakeTemplates());
  const auto entry = templates->find(std::string(name));
  return entry == templates->end() ? templates->at("default") : entry->second;
}

}  // namespace plumbago::graph

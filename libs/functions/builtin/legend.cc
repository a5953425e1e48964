// Names with values in them: legendValue and cactiStyle.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

struct Unit {
  const char* prefix;
  double size;
};

struct UnitSystem {
  const char* name;
  std::vector<Unit> units;  // the greatest first
};

const UnitSystem* FindUnitSystem(absl::string_view name) {
  static const auto* const systems = new std::vector<UnitSystem>{
      {"binary", {{"Pi", 0x1p50}, {"Ti", 0x1p40}, {"Gi", 0x1p30}, {"Mi", 0x1p20}, {"Ki", 0x1p10}}},
      {"si", {{"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}},
      {"sec", {{"Y", 31536e3}, {"M", 2592e3}, {"D", 86400}, {"H", 3600}, {"m", 60}}},
      {"msec", {{"Y", 31536e6}, {"M", 2592e6}, {"D", 864e5}, {"H", 36e5}, {"m", 6e4}, {"s", 1e3}}},
  };  // lives as long as the process
  for (const UnitSystem& system : *systems) {
    if (name == system.name) return &system;
  }
  return nullptr;
}

// "1.50k": two places and the greatest unit that fits.
std::string InUnits(double value, const UnitSystem& system, absl::string_view separator) {
  for (const Unit& unit : system.units) {
    if (std::fabs(value) >= unit.size) {
      return absl::StrFormat("%.2f%s%s", value / unit.size, separator, unit.prefix);
    }
  }
  return absl::StrFormat("%.2f%s", value, separator);
}

// As Python prints it.
std::string Printed(const Series& series, Aggregation aggregation, double value) {
  if (std::isnan(value)) return "None";
  const bool is_integer = aggregation == Aggregation::kCount ||
                          (series.has_integer_values && KeepsIntegers(aggregation));
  return is_integer ? absl::StrFormat("%.0f", value) : PythonFloat(value);
}

absl::StatusOr<SeriesList> EvaluateLegendValue(Call& call) {
  std::vector<std::string> words;
  for (const Value& word : call.arguments().Repeated("valuesTypes")) {
    words.push_back(std::get<std::string>(word));
  }
  const UnitSystem* system = nullptr;
  if (!words.empty() && (words.back() == "si" || words.back() == "binary")) {
    system = FindUnitSystem(words.back());
    words.pop_back();
  }
  for (const std::string& word : words) {
    const auto aggregation = ParseAggregation(word);
    for (Series& series : call.series()) {
      std::string shown = "(?)";
      if (aggregation.ok()) {
        const double value = Aggregate(*aggregation, series.values.get());
        const bool has_units = system != nullptr && !std::isnan(value);
        shown = has_units ? InUnits(value, *system, "") : Printed(series, *aggregation, value);
      }
      series.name = system != nullptr ? absl::StrFormat("%-20s%-5s%-10s", series.name, word, shown)
                                      : absl::StrCat(series.name, " (", word, ": ", shown, ")");
    }
  }
  return std::move(call.series());
}

// How cactiStyle prints numbers.
class CactiFormat {
 public:
  CactiFormat(const UnitSystem* system, std::string units)
      : system_(system), units_(std::move(units)) {}

  std::string operator()(double value) const {
    if (system_ != nullptr) {
      return InUnits(value, *system_, units_.empty() ? "" : " ") + units_;
    }
    return units_.empty() ? absl::StrFormat("%.2f", value)
                          : absl::StrFormat("%.2f %s", value, units_);
  }

 private:
  const UnitSystem* system_;
  const std::string units_;
};

struct Column {
  const char* title;
  Aggregation aggregation;
};

constexpr Column kColumns[] = {{" Current:", Aggregation::kLast},
                               {" Max:", Aggregation::kMaximum},
                               {" Min:", Aggregation::kMinimum}};

absl::StatusOr<SeriesList> EvaluateCactiStyle(Call& call) {
  const Arguments& arguments = call.arguments();
  const UnitSystem* system = nullptr;
  if (arguments.IsGiven("system") && !arguments.String("system").empty()) {
    system = FindUnitSystem(arguments.String("system"));
    if (system == nullptr) {
      return Refused(call, "system is \"", base::Excerpt(arguments.String("system")),
                     "\"; use si, binary, sec or msec");
    }
  }
  const CactiFormat format(system, arguments.IsGiven("units") ? arguments.String("units") : "");
  SeriesList& list = call.series();
  std::vector<std::string> names(list.size());
  size_t name_width = 0;
  for (const Series& series : list) name_width = std::max(name_width, series.name.size());
  for (size_t i = 0; i < list.size(); ++i) {
    names[i] = absl::StrFormat("%-*s", static_cast<int>(name_width), list[i].name);
  }
  for (const Column& column : kColumns) {
    // graphite-web measures the whole part, and 3 for zero and null.
    size_t width = 0;
    std::vector<double> values;
    for (const Series& series : list) {
      values.push_back(Aggregate(column.aggregation, series.values.get()));
      const bool is_blank = std::isnan(values.back()) || values.back() == 0;
      width = std::max(width, format(is_blank ? 3 : std::trunc(values.back()) + 0.0).size());
    }
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string shown = std::isnan(values[i]) ? "nan" : format(values[i]);
      absl::StrAppend(&names[i], column.title,
                      absl::StrFormat("%-*s", static_cast<int>(width + 3), shown));
    }
  }
  for (size_t i = 0; i < list.size(); ++i) list[i].name = names[i] + " ";
  return std::move(list);
}

}  // namespace

std::vector<FunctionDefinition> LegendFunctions() {
  return {
      {.name = "legendValue",
       .group = "Alias",
       .description =
           "Appends aggregations of the values to the names; \"si\" or \"binary\" as the "
           "last one sets the units.",
       .parameters = {SeriesParameter(), AnyNumber("valuesTypes", ParameterType::kString)},
       .evaluate = EvaluateLegendValue},
      {.name = "cactiStyle",
       .group = "Special",
       .description = "Appends the last, greatest and least value to the names, as columns.",
       .parameters = {SeriesParameter(), Optional("system", ParameterType::kString),
                      Optional("units", ParameterType::kString)},
       .evaluate = EvaluateCactiStyle},
  };
}

}  // namespace plumbago::functions

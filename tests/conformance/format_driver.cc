// Formats of /render for format_conformance_test.py: a JSON request a line on standard input, the
// bytes in hexadecimal as a line each.
//
//   {"format", "zone", "maxDataPoints", "noNullPoints", "series": [{"name", "pathExpression",
//    "start", "end", "step", "consolidationFunc", "xFilesFactor", "integers", "values"}]}
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "query/render_format.h"

namespace plumbago::query {
namespace {

using functions::Series;
using nlohmann::json;

Series FromJson(const json& item) {
  std::vector<double> values;
  for (const json& value : item["values"]) {
    if (value.is_string()) {
      values.push_back(value == "inf" ? HUGE_VAL : -HUGE_VAL);
    } else {
      values.push_back(value.is_null() ? functions::kNull : value.get<double>());
    }
  }
  Series series = functions::MakeSeries(item["name"], item["start"], item["end"], item["step"],
                                        std::move(values));
  series.path_expression = item["pathExpression"];
  series.x_files_factor = item["xFilesFactor"];
  series.has_integer_values = item["integers"];
  functions::ParseConsolidation(item["consolidationFunc"].get<std::string>(),
                                &series.consolidation);
  return series;
}

std::string Answer(const json& request) {
  static const std::map<std::string, RenderFormat> kFormats = {
      {"json", RenderFormat::kJson},         {"csv", RenderFormat::kCsv},
      {"raw", RenderFormat::kRaw},           {"dygraph", RenderFormat::kDygraph},
      {"rickshaw", RenderFormat::kRickshaw}, {"pickle", RenderFormat::kPickle},
      {"msgpack", RenderFormat::kMsgpack}};
  functions::SeriesList list;
  for (const json& item : request["series"]) list.push_back(FromJson(item));
  EncodeOptions options;
  if (!absl::LoadTimeZone(request["zone"].get<std::string>(), &options.zone)) return "no zone";
  if (request["noNullPoints"]) options.null_points = NullPoints::kDrop;
  const RenderFormat format = kFormats.at(request["format"]);
  if (format == RenderFormat::kJson) {
    functions::ConsolidateToMaximum(request["maxDataPoints"], list);
  }
  return EncodeWhole(format, std::move(list), options);
}

}  // namespace
}  // namespace plumbago::query

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << absl::BytesToHexString(plumbago::query::Answer(nlohmann::json::parse(line)))
              << std::endl;
  }
}

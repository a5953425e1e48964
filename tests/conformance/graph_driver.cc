// Axes for graph_conformance_test.py: a JSON request a line on standard input, a JSON answer each.
//
//   {"min", "max", "parameters": {name: text}}
//       {"step", "bottom", "top", "values", "labels"} | {"error": message}
//   {"start", "end", "width", "zone"}
//       {"labels": [[seconds, text]...], "minor": [seconds...], "major": [seconds...]}
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"
#include "graph/parameters.h"
#include "graph/x_axis.h"
#include "graph/y_axis.h"

namespace plumbago::graph {
namespace {

using nlohmann::json;

absl::StatusOr<YAxis> MakeY(const json& request) {
  const std::map<std::string, std::string> values = request["parameters"];
  const auto find = [&](absl::string_view name) -> const std::string* {
    const auto entry = values.find(std::string(name));
    return entry == values.end() ? nullptr : &entry->second;
  };
  PLUMBAGO_ASSIGN_OR_RETURN(const Parameters parameters,
                            ReadParameters(find, PictureFormat::kPng, absl::UTCTimeZone()));
  return MakeYAxis({request["min"], request["max"]}, {.request = parameters.y_axis,
                                                      .unit_system = parameters.unit_system,
                                                      .divisors = parameters.y_divisors,
                                                      .log_base = parameters.log_base});
}

json AnswerY(const json& request) {
  const absl::StatusOr<YAxis> axis = MakeY(request);
  if (!axis.ok()) return {{"error", std::string(axis.status().message())}};
  return {{"step", axis->step},
          {"bottom", axis->bottom},
          {"top", axis->top},
          {"values", axis->label_values},
          {"labels", axis->labels}};
}

json AnswerX(const json& request) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(request["zone"].get<std::string>(), &zone)) return {{"error", "zone"}};
  const XAxis axis = MakeXAxis(request["start"], request["end"], request["width"], zone, "");
  json labels = json::array();
  for (size_t i = 0; i < axis.labels.size(); ++i) {
    labels.push_back({axis.label_times[i], axis.labels[i]});
  }
  return {{"labels", labels}, {"minor", axis.minor_times}, {"major", axis.major_times}};
}

}  // namespace
}  // namespace plumbago::graph

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = nlohmann::json::parse(line);
    const bool is_y = request.contains("parameters");
    std::cout << (is_y ? plumbago::graph::AnswerY(request) : plumbago::graph::AnswerX(request))
              << std::endl;
  }
}

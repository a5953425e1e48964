#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/node_key.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

// In the order in which the keys occur first.
std::vector<std::pair<std::string, SeriesList>> Groups(SeriesList list,
                                                       const std::vector<Value>& nodes) {
  std::vector<std::pair<std::string, SeriesList>> groups;
  absl::flat_hash_map<std::string, size_t> index_of;
  for (Series& series : list) {
    std::string key = NodeKey(series, nodes);
    const auto [entry, is_new] = index_of.emplace(key, groups.size());
    if (is_new) groups.emplace_back(std::move(key), SeriesList());
    groups[entry->second].second.push_back(std::move(series));
  }
  return groups;
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const std::string& callback = call.arguments().String("callback");
  SeriesList result;
  for (auto& [key, list] : Groups(std::move(call.series()), call.arguments().Repeated("nodeNum"))) {
    PLUMBAGO_ASSIGN_OR_RETURN(SeriesList reduced, call.Aggregated(callback, std::move(list)));
    if (reduced.empty()) continue;
    reduced.front().name = key;
    result.push_back(std::move(reduced.front()));
  }
  return result;
}

}  // namespace

FunctionDefinition GroupByNode() {
  return {.name = "groupByNode",
          .group = "Combine",
          .description =
              "Groups the series by a node of their path, or by a tag, and reduces every "
              "group to one series by callback.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"nodeNum", ParameterType::kNodeOrTag},
                         {"callback", ParameterType::kAggregationOrFunction,
                          Parameter::Presence::kOptional, std::string("average")}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

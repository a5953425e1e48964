#include "functions/builtin/builtin.h"
#include "functions/builtin/node_key.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const std::vector<Value>& nodes = call.arguments().Repeated("nodes");
  for (Series& series : call.series()) series.name = NodeKey(series, nodes);
  return std::move(call.series());
}

}  // namespace

FunctionDefinition AliasByNode() {
  return {.name = "aliasByNode",
          .group = "Alias",
          .description =
              "Names every series by nodes of its path, counted from 0 or from the end "
              "with negative numbers, or by its tags, joined with dots.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"nodes", ParameterType::kNodeOrTag, Parameter::Presence::kRepeated}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

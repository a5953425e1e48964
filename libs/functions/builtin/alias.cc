#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const std::string& name = call.arguments().String("newName");
  for (Series& series : call.series()) series.name = name;
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Alias() {
  return {.name = "alias",
          .group = "Alias",
          .description = "Names every series of the list newName.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"newName", ParameterType::kString}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

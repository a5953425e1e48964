#include "absl/strings/str_format.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const double factor = call.arguments().Float("factor");
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrFormat("scale(%s,%g)", series.name, factor));
    series.tags.Set("scale", PythonFloat(factor));
    for (double& value : series.values.Mutable()) value *= factor;
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Scale() {
  return {
      .name = "scale",
      .group = "Transform",
      .description = "Multiplies every value by factor.",
      .parameters = {{"seriesList", ParameterType::kSeriesList}, {"factor", ParameterType::kFloat}},
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions

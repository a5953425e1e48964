#include "absl/strings/str_format.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const double addend = call.arguments().Float("factor");
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrFormat("offset(%s,%g)", series.name, addend));
    series.tags.Set("offset", PythonFloat(addend));
    for (double& value : series.values.Mutable()) value += addend;
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Offset() {
  return {
      .name = "offset",
      .group = "Transform",
      .description = "Adds the constant factor to every value.",
      .parameters = {{"seriesList", ParameterType::kSeriesList}, {"factor", ParameterType::kFloat}},
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions

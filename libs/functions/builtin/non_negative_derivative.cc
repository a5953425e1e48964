#include "absl/strings/str_cat.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/counter_delta.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const auto maximum = call.arguments().OptionalFloat("maxValue");
  const auto minimum = call.arguments().OptionalFloat("minValue");
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("nonNegativeDerivative(", series.name, ")"));
    series.tags.Set("nonNegativeDerivative", "1");
    CounterDelta delta(maximum, minimum);
    for (double& value : series.values.Mutable()) value = delta.Next(value);
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition NonNegativeDerivative() {
  return {.name = "nonNegativeDerivative",
          .group = "Transform",
          .description =
              "The growth of a counter between points. Where it falls there is no value, "
              "unless maxValue says where it wraps or minValue where it restarts.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"maxValue", ParameterType::kFloat, Parameter::Presence::kOptional},
                         {"minValue", ParameterType::kFloat, Parameter::Presence::kOptional}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

#include "absl/strings/str_cat.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/counter_delta.h"
#include "functions/call.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const auto maximum = call.arguments().OptionalFloat("maxValue");
  const auto minimum = call.arguments().OptionalFloat("minValue");
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("perSecond(", series.name, ")"));
    series.tags.Set("perSecond", "1");
    CounterDelta delta(maximum, minimum);
    const auto step = static_cast<double>(series.step);
    for (double& value : series.values.Mutable()) {
      value = RoundToMicros(delta.Next(value) / step);
    }
    series.has_integer_values = false;
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition PerSecond() {
  return {.name = "perSecond",
          .group = "Transform",
          .description =
              "The growth of a counter per second. Where it falls there is no value, "
              "unless maxValue says where it wraps or minValue where it restarts.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"maxValue", ParameterType::kFloat, Parameter::Presence::kOptional},
                         {"minValue", ParameterType::kFloat, Parameter::Presence::kOptional}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

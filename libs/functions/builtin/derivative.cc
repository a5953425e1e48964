#include "absl/strings/str_cat.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  for (Series& series : call.series()) {
    series.RenameTo(absl::StrCat("derivative(", series.name, ")"));
    series.tags.Set("derivative", "1");
    double previous = kNull;
    for (double& value : series.values.Mutable()) {
      const double difference = value - previous;  // null if either is
      previous = value;
      value = difference;
    }
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Derivative() {
  return {.name = "derivative",
          .group = "Transform",
          .description = "The difference of every value to the one before it.",
          .parameters = {{"seriesList", ParameterType::kSeriesList}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

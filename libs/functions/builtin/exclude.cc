#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/regex.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const auto regex = CompileRegex(call.arguments().String("pattern"));
  if (!regex.ok()) return base::Annotate(regex.status(), "exclude()");
  std::erase_if(call.series(), [&](const Series& series) { return Occurs(**regex, series.name); });
  return std::move(call.series());
}

}  // namespace

FunctionDefinition Exclude() {
  return {.name = "exclude",
          .group = "Filter Series",
          .description = "Drops the series whose name the regular expression matches anywhere.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"pattern", ParameterType::kString}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const double value = call.arguments().Float("value");
  const TimeRange& range = call.range();
  const int64_t step = std::max<int64_t>((range.until - range.from) / 2, 1);
  Series line =
      MakeSeries(PythonFloat(value), range.from, range.until, step, std::vector<double>(3, value));
  line.path_expression = absl::StrCat("constantLine(", line.name, ")");
  line.x_files_factor = call.context().x_files_factor.value_or(0);
  return SeriesList{std::move(line)};
}

}  // namespace

FunctionDefinition ConstantLine() {
  return {.name = "constantLine",
          .group = "Special",
          .description = "A horizontal line at value.",
          .parameters = {{"value", ParameterType::kFloat}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

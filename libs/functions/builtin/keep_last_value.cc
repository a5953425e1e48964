#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

// Runs of nulls behind a value are filled as a whole or not at all.
void FillGaps(size_t gap_max, std::vector<double>& values) {
  size_t i = 0;
  while (i < values.size() && std::isnan(values[i])) ++i;
  while (i < values.size()) {
    if (!std::isnan(values[i])) {
      ++i;
      continue;
    }
    const size_t first = i;
    while (i < values.size() && std::isnan(values[i])) ++i;
    if (i - first > gap_max) continue;
    for (size_t gap = first; gap < i; ++gap) values[gap] = values[first - 1];
  }
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  size_t gap_max = std::numeric_limits<size_t>::max();
  if (const auto* limit = std::get_if<int64_t>(&call.arguments().Get("limit"))) {
    gap_max = *limit < 0 ? 0 : static_cast<size_t>(*limit);
  }
  for (Series& series : call.series()) {
    series.name = absl::StrCat("keepLastValue(", series.name, ")");
    series.path_expression = series.name;
    FillGaps(gap_max, series.values.Mutable());
  }
  return std::move(call.series());
}

}  // namespace

FunctionDefinition KeepLastValue() {
  return {.name = "keepLastValue",
          .group = "Transform",
          .description = "Fills gaps of up to limit points with the value before them.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"limit", ParameterType::kIntegerOrInfinity,
                          Parameter::Presence::kOptional, HUGE_VAL}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions

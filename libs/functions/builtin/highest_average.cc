#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

// As Python's list[:n]: a negative n leaves out as many from the end.
size_t SliceLength(int64_t n, size_t size) {
  const auto count = static_cast<int64_t>(size);
  return static_cast<size_t>(std::clamp<int64_t>(n < 0 ? count + n : n, 0, count));
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  std::vector<std::pair<double, Series>> ranked;
  for (Series& series : call.series()) {
    const double average = Aggregate(Aggregation::kAverage, series.values.get());
    ranked.emplace_back(std::isnan(average) ? -HUGE_VAL : average, std::move(series));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  ranked.resize(SliceLength(call.arguments().Integer("n"), ranked.size()));
  SeriesList result;
  for (auto& [average, series] : ranked) result.push_back(std::move(series));
  return result;
}

}  // namespace

FunctionDefinition HighestAverage() {
  return {
      .name = "highestAverage",
      .group = "Filter Series",
      .description = "The n series with the highest average, the highest first.",
      .parameters = {{"seriesList", ParameterType::kSeriesList}, {"n", ParameterType::kInteger}},
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions
